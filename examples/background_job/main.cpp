// A job that reports progress, saves a checkpoint, stops when it is cancelled and goes on where it
// was after a crash. Try it:
//   background_job
//   background_job submit /primes below=20000000      from another terminal
#include <charconv>

#include <fmt/core.h>

#include <saola/service/service.hpp>

struct PrimesArgs {
  std::int64_t below;

  static void describe(saola::web::Fields& fields) {
    fields["below"].min(2).max(1'000'000'000).doc("Primes smaller than this are counted");
  }
};
SAOLA_DESCRIBE(PrimesArgs, below)

struct PrimesResult {
  std::int64_t primes = 0;
  int attempts = 1;
};
SAOLA_DESCRIBE(PrimesResult, primes, attempts)

// "NEXT FOUND": where an earlier attempt stood.
struct Position {
  std::int64_t next = 2;
  std::int64_t found = 0;
};
SAOLA_DESCRIBE(Position, next, found)

bool is_prime(std::int64_t n) {
  for (std::int64_t d = 2; d * d <= n; ++d) {
    if (n % d == 0) return false;
  }
  return true;
}

PrimesResult count_primes(saola::Job& job, const PrimesArgs& args) {
  Position at;
  if (!job.checkpoint().empty()) {
    at = saola::web::from_json_text<Position>(job.checkpoint()).value_or(Position());
  }
  for (; at.next < args.below; ++at.next) {
    if (is_prime(at.next)) ++at.found;
    if (at.next % 65536 != 0) continue;
    job.throw_if_stopped();
    job.progress(static_cast<double>(at.next) / static_cast<double>(args.below),
                 fmt::format("{} primes below {}", at.found, at.next));
    // What fails here costs only work that is done again.
    const Position after{at.next + 1, at.found};
    if (!job.save_checkpoint(saola::web::to_json_text(after))) continue;
  }
  return {at.found, job.attempt()};
}

int main(int argc, char** argv) {
  saola::Service service("primes");
  auto primes = service.task<PrimesArgs>("primes", count_primes);
  service.post("/primes", [primes](saola::Request& request) { return primes.accept(request); },
               {.doc = "Count primes"});
  return service.main(argc, argv);
}
