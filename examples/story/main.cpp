// The service of the story: a route takes its arguments from the body, starts `split` and answers
// at once; `split` downloads a table, then computes without a pause. Two forms of it: /split starts
// a durable job, which outlives every restart; /split-in-memory uses a pool of five threads, as the
// first version did, and a restart loses what it holds.
#include <saola/service/service.hpp>

struct SplitArgs {
  std::string source;  // s3://bucket/key of a table, one row a line
  int groups = 2;

  static void describe(saola::web::Fields& fields) { fields["groups"].min(2).max(1000); }
};
SAOLA_DESCRIBE(SplitArgs, source, groups)

struct SplitResult {
  std::vector<int> sizes;
};
SAOLA_DESCRIBE(SplitResult, sizes)

// Deals the rows out. Stands for hours of work: it never pauses.
SplitResult split(const std::string& table, int groups) {
  SplitResult result{std::vector<int>(static_cast<std::size_t>(groups))};
  std::size_t row = 0;
  for (const char c : table) {
    if (c == '\n') ++result.sizes[row++ % result.sizes.size()];
  }
  return result;
}

// [durable]
int main(int argc, char** argv) {
  saola::Service service("splitter");
  auto task = service.task<SplitArgs>(
      "split", [](saola::Job& job, const SplitArgs& args) -> saola::Result<SplitResult> {
        auto table = job.download(args.source);
        if (!table) return fail(table);
        job.progress(0.5, "splitting");
        return split(*table, args.groups);
      });
  service.post("/split", [task](saola::Request& request) { return task.accept(request); });
  // [durable]

  // [memory]
  auto pool = service.thread_pool("split", 5);
  service.post("/split-in-memory", [pool](saola::Request& request) {
    pool.submit(
        [args = request.body<SplitArgs>()] { split(std::string(1 << 20, '\n'), args.groups); });
    return saola::Response(202);
  });
  // [memory]
  return service.main(argc, argv);
}
