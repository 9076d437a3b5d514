// llhttp as a second opinion on what the parser accepts: tests only.
#pragma once

#include <string_view>

#include "corpus/http/corpus.hpp"

namespace saola::corpus {

// Ends the process unless llhttp reads `bytes` as the one request `exchange`. Methods that llhttp
// does not know, and a minor version or Host it has no rule for, are left out.
void require_llhttp_agrees(std::string_view bytes, const Exchange& exchange);

}  // namespace saola::corpus
