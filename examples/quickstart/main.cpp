#include <saola/service/service.hpp>

struct SplitArgs {  // described once: checked, documented, and bound to the task
  std::string source;
  int groups = 2;
};
SAOLA_DESCRIBE(SplitArgs, source, groups)

int main(int argc, char** argv) {
  saola::Service service("splitter");
  auto split = service.task<SplitArgs>("split", [](saola::Job& job, const SplitArgs& args) {
    job.progress(0.5, "splitting " + args.source);  // compute for an hour: nobody waits for it
    return std::vector<int>(static_cast<std::size_t>(args.groups));  // the result, as JSON
  });
  service.post("/split", [split](saola::Request& request) { return split.accept(request); });
  return service.main(argc, argv);
}
