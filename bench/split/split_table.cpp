// Objective values and CPU seconds of the split module beside those of R's anticlust.
//   split_table [--only TEXT] [--seed N] [--write DIRECTORY]
// --only keeps the lines whose name holds TEXT; --write stores each data set as NAME.csv and each
// answer as NAME.groups, one group a line, so that any other program can judge them.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include <saola/split/read.hpp>
#include <saola/split/search.hpp>

namespace {

using namespace saola::split;

struct Line {
  std::string_view data;  // "iris", or rows of five independent normal columns
  std::size_t rows;
  std::size_t groups;
  Objective objective;
  Method method;
  std::size_t restarts;
  double reference;
  double reference_seconds;
  std::string_view reference_method;
};

constexpr auto kDiversity = Objective::kDiversity;
constexpr auto kVariance = Objective::kVariance;
constexpr auto kKPlus = Objective::kKPlus;
constexpr auto kExchange = Method::kExchange;
constexpr auto kLocalMaximum = Method::kLocalMaximum;
constexpr auto kSearch = Method::kSearch;

// anticlust 0.8.11, figures measured earlier on a like machine, one thread; the best of its methods
// at each line, and some of its quicker ones. A reference of 0: not run there (hours or memory).
constexpr Line kLines[] = {
    {"iris", 150, 3, kDiversity, kSearch, 1, 9304.01, 0.37, "three-phase, 50 it."},
    {"iris", 150, 3, kVariance, kLocalMaximum, 1, 0.001254, 0.02, "exchange"},
    {"iris", 150, 3, kKPlus, kExchange, 10, 0.0135, 0.03, "exchange"},
    {"iris", 150, 3, kKPlus, kSearch, 10, 0.00303, 10.1, "local-maximum x100"},
    {"normal", 1000, 2, kDiversity, kExchange, 1, 751105.8, 6.6, "exchange"},
    {"normal", 1000, 2, kDiversity, kLocalMaximum, 1, 751115.1, 76, "local-maximum"},
    {"normal", 1000, 2, kDiversity, kSearch, 1, 751118.6, 4.7, "three-phase, 10 it."},
    {"normal", 1000, 2, kVariance, kSearch, 1, 5.4e-5, 23, "local-maximum"},
    {"normal", 1000, 2, kKPlus, kExchange, 5, 7.8e-4, 0.29, "fast, all partners"},
    {"normal", 1000, 2, kKPlus, kSearch, 1, 6.75e-4, 15, "exchange"},
    {"normal", 1000, 10, kDiversity, kLocalMaximum, 1, 149934.8, 34, "local-maximum"},
    {"normal", 1000, 10, kDiversity, kSearch, 1, 149942.6, 5.6, "three-phase"},
    {"normal", 1000, 10, kKPlus, kExchange, 5, 0.0593, 0.26, "fast, all partners"},
    {"normal", 1000, 10, kKPlus, kSearch, 3, 0.0340, 16, "local-maximum"},
    {"normal", 10000, 2, kDiversity, kSearch, 1, 75194690, 37, "preclustering"},
    {"normal", 10000, 2, kVariance, kLocalMaximum, 5, 1.4e-6, 1.6, "fast, 20 neighbours"},
    {"normal", 10000, 2, kKPlus, kSearch, 1, 7.3e-6, 39, "fast, all partners"},
    {"normal", 10000, 10, kDiversity, kSearch, 1, 15037017, 27, "preclustering"},
    {"normal", 10000, 10, kKPlus, kSearch, 1, 6.7e-4, 41, "fast, all partners"},
    {"normal", 100000, 2, kVariance, kSearch, 1, 8.9e-9, 19, "fast, 20 neighbours"},
    {"normal", 100000, 2, kKPlus, kLocalMaximum, 1, 1.35e-6, 12, "fast, 10 partners"},
    {"normal", 100000, 10, kVariance, kSearch, 1, 2.0e-6, 24, "fast, 20 neighbours"},
    {"normal", 100000, 10, kKPlus, kLocalMaximum, 1, 1.58e-4, 22, "fast, 100 partners"},
    {"normal", 100000, 2, kDiversity, kExchange, 1, 0, 0, "not run (80 GB)"},
};

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// splitmix64 and Box-Muller, rounded to six decimals: the data of the reference runs.
class Normal {
 public:
  double next() {
    const double a = uniform();
    const double b = uniform();
    const double value = std::sqrt(-2 * std::log(1 - a)) * std::cos(2 * M_PI * b);
    return std::strtod(fmt::format("{:.6f}", value).c_str(), nullptr);
  }

 private:
  double uniform() {
    state_ += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state_;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return static_cast<double>((z ^ (z >> 31)) >> 11) / 9007199254740992.0;
  }
  std::uint64_t state_ = 0x9E3779B97F4A7C15U;
};

std::vector<double> make_values(const Line& line, std::size_t& columns) {
  std::vector<double> values;
  if (line.data == "normal") {
    columns = 5;
    Normal normal;
    for (std::size_t i = 0; i < line.rows * columns; ++i) values.push_back(normal.next());
    return values;
  }
  std::ifstream file(SAOLA_SOURCE_DIR "/examples/data/iris.csv");
  auto table = read_table({std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()});
  if (!table) {
    fmt::print(stderr, "iris.csv: {}\n", table.error().message());
    std::exit(1);
  }
  columns = 0;
  for (const auto& column : table->columns()) columns += column.numeric() ? 1 : 0;
  for (std::size_t r = 0; r < table->rows(); ++r) {
    for (const auto& column : table->columns()) {
      if (column.numeric()) values.push_back(column.values[r]);
    }
  }
  return values;
}

std::string title(const Line& line) {
  return fmt::format("{}-{}-{}-{}-{}", line.data, line.rows, line.groups, to_string(line.objective),
                     to_string(line.method));
}

void write_answer(const std::string& directory, const Line& line, const std::vector<double>& values,
                  std::size_t columns, const std::vector<std::uint32_t>& groups) {
  std::ofstream data(fmt::format("{}/{}-{}.csv", directory, line.data, line.rows));
  for (std::size_t c = 0; c < columns; ++c) data << (c > 0 ? "," : "") << "x" << c + 1;
  for (std::size_t i = 0; i < values.size(); ++i) {
    data << (i % columns == 0 ? "\n" : ",") << fmt::format("{}", values[i]);
  }
  data << "\n";
  std::ofstream answer(fmt::format("{}/{}.groups", directory, title(line)));
  for (const auto g : groups) answer << g << "\n";
}

}  // namespace

int main(int argc, char** argv) {
  std::string only;
  std::string directory;
  std::uint64_t seed = 1;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    if (flag == "--only") only = argv[i + 1];
    if (flag == "--write") directory = argv[i + 1];
    if (flag == "--seed") seed = std::strtoull(argv[i + 1], nullptr, 10);
  }
  fmt::print(
      "Reference: anticlust 0.8.11, figures measured earlier on a like machine (see "
      "bench/split/README.md).\nvariance and kplus: lower is better; diversity: higher. 'reach' = "
      "value at least as good in a tenth of the CPU time.\n\n");
  fmt::print("{:<40} {:>14} {:>9} {:>14} {:>8}  {:<20} {:>8} {}\n", "data-rows-groups-objective",
             "value", "CPU s", "reference", "CPU s", "its method", "speed-up", "reach");
  for (const auto& line : kLines) {
    const auto name = title(line);
    if (name.find(only) == std::string::npos) continue;
    std::size_t columns = 0;
    const auto raw = make_values(line, columns);
    Problem problem;
    problem.rows = line.rows;
    problem.columns = columns;
    problem.values = raw;
    for (std::size_t g = 0; g < line.groups; ++g) {
      problem.sizes.push_back(static_cast<std::uint32_t>(line.rows / line.groups +
                                                         (g < line.rows % line.groups ? 1 : 0)));
    }
    const auto start = cpu_seconds();
    standardise(problem.values, problem.rows, problem.columns);
    const auto solution =
        search(problem, {line.objective, line.method, line.restarts, seed}, Poll());
    const auto seconds = cpu_seconds() - start;
    if (!solution) {
      fmt::print("{:<40} {}\n", name, solution.error().message());
      continue;
    }
    const auto value = *evaluate(problem, line.objective, solution->group_of_row, Poll());
    const bool compared = line.reference > 0;
    const bool good = line.objective == kDiversity ? value >= line.reference * (1 - 5e-9)
                                                   : value <= line.reference * (1 + 5e-3);
    fmt::print("{:<40} {:>14.9g} {:>9.4f} {:>14.9g} {:>8}  {:<20} {:>7.0f}x {}\n", name, value,
               seconds, line.reference, line.reference_seconds, line.reference_method,
               line.reference_seconds / seconds,
               !compared                                          ? "-"
               : good && seconds <= line.reference_seconds / 10.0 ? "yes"
                                                                  : (good ? "value" : "NO"));
    std::fflush(stdout);
    if (!directory.empty()) {
      write_answer(directory, line, raw, columns, solution->group_of_row);
    }
  }
}
