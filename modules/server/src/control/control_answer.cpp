#include "control/control_answer.hpp"

#include <boost/json.hpp>

namespace saola::server {
namespace json = boost::json;

std::string control_answer(const Result<std::string>& text) {
  if (!text) return json::serialize(json::object{{"ok", false}, {"error", text.error().message()}});
  return R"({"ok":true,"result":)" + *text + '}';
}

}  // namespace saola::server
