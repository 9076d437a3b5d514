// The split service: POST /split and the task behind it.
#pragma once

#include <memory>

#include <saola/service/service.hpp>

namespace saola::split_service {

// The whole service, ready for main() or test_client().
std::unique_ptr<Service> make_split_service();

}  // namespace saola::split_service
