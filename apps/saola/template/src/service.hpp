#pragma once

#include <memory>

#include <saola/service/service.hpp>

// The whole service, ready for main() or test_client().
std::unique_ptr<saola::Service> make_service();
