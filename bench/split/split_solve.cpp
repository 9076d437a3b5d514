// One search on a file of numbers, with a budget of CPU time, and a judge of groups whoever made them.
//   split_solve solve FILE columns|distances OBJECTIVE SIZE,… METHOD SECONDS SEED > groups
//   split_solve judge FILE columns|distances OBJECTIVE GROUPS…
// FILE holds rows × columns numbers between blanks, a row a line, or rows × rows distances. GROUPS is a
// file with the number of each row's group, from 0, one a line. `solve` uses one thread and searches until
// SECONDS of CPU time are over (0: one restart); its stderr says how many were used and how many restarts
// were done. `judge` prints the objective's value for each file, computed from its definition in double
// precision.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <fstream>
#include <iterator>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>

#include <saola/split/read.hpp>
#include <saola/split/search.hpp>
#include <saola/split/split.hpp>

namespace {

using namespace saola::split;

template <typename T>
T good(saola::Result<T> result) {
  if (result) return *std::move(result);
  fmt::print(stderr, "{}\n", result.error().message());
  std::exit(1);
}

struct Data {
  std::vector<double> values;  // rows × columns
  std::size_t rows = 0;
  std::size_t columns = 0;
};

Data read(const char* path) {
  std::ifstream file(path);
  const std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  Data data;
  data.rows = static_cast<std::size_t>(std::count(text.begin(), text.end(), '\n'));
  const char* next = text.c_str();
  for (char* end = nullptr;; next = end) {
    const double value = std::strtod(next, &end);
    if (end == next) break;
    data.values.push_back(value);
  }
  if (data.rows > 0) data.columns = data.values.size() / data.rows;
  if (data.rows < 2 || data.columns * data.rows != data.values.size()) {
    fmt::print(stderr, "{}: not a table of numbers\n", path);
    std::exit(1);
  }
  return data;
}

double cpu_seconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

// Dispersion is searched by split() only, which takes a table.
class UntilCpuTime final : public Observer {
 public:
  UntilCpuTime(double start, double seconds) : start_(start), seconds_(seconds) {}
  bool cancelled() override { return seconds_ > 0 && cpu_seconds() - start_ >= seconds_; }

 private:
  const double start_;
  const double seconds_;
};

Table as_table(const Data& data) {
  std::string csv = "id";
  for (std::size_t c = 0; c < data.columns; ++c) csv += fmt::format(",x{}", c);
  for (std::size_t r = 0; r < data.rows; ++r) {
    csv += fmt::format("\nr{}", r);
    for (std::size_t c = 0; c < data.columns; ++c) {
      csv += fmt::format(",{}", data.values[r * data.columns + c]);
    }
  }
  return good(read_table(std::move(csv)));
}

int solve(const Data& data, bool distances, Objective objective,
          const std::vector<std::uint32_t>& sizes, Method method, double seconds,
          std::uint64_t seed) {
  std::vector<std::uint32_t> groups;
  std::size_t restarts = 0;
  double used = 0;
  if (objective == Objective::kDispersion) {
    const auto table = as_table(data);
    Options options;
    options.objective = objective;
    options.method = method;
    options.groups = EqualGroups{sizes.size()};
    options.threads = 1;
    options.seed = seed;
    if (seconds == 0) options.restarts = 1;
    const auto start = cpu_seconds();
    UntilCpuTime observer(start, seconds);
    auto outcome = good(split(table, options, observer, saola::real_clock()));
    used = cpu_seconds() - start;
    restarts = outcome.restarts_done;
    groups = std::move(outcome.group_of_row);
  } else {
    const auto start = cpu_seconds();
    Problem problem;
    problem.rows = data.rows;
    problem.sizes = sizes;
    if (distances) {
      problem.distances.assign(data.values.begin(), data.values.end());
    } else {
      problem.columns = data.columns;
      problem.values = data.values;
      standardise(problem.values, problem.rows, problem.columns);
    }
    SearchOptions options{.objective = objective, .method = method, .seed = seed, .threads = 1};
    options.patience = std::numeric_limits<std::size_t>::max();
    if (seconds == 0) options.restarts = 1;
    auto solution = good(search(problem, options, [&](const Progress&) {
      return seconds > 0 && cpu_seconds() - start >= seconds;
    }));
    used = cpu_seconds() - start;
    restarts = solution.restarts_done;
    groups = std::move(solution.group_of_row);
  }
  for (const auto g : groups) fmt::print("{}\n", g);
  fmt::print(stderr, "{:.6f} {}\n", used, restarts);
  return 0;
}

double distance(const Data& data, bool given, std::size_t i, std::size_t j) {
  if (given) return data.values[i * data.columns + j];
  double square = 0;
  for (std::size_t c = 0; c < data.columns; ++c) {
    const double d = data.values[i * data.columns + c] - data.values[j * data.columns + c];
    square += d * d;
  }
  return std::sqrt(square);
}

// Deviations from the mean in units of the column's sd (n - 1); of a constant column 0.
void scale(std::vector<double>& column) {
  double mean = 0;
  for (const double v : column) mean += v / static_cast<double>(column.size());
  double squares = 0;
  for (double& v : column) {
    v -= mean;
    squares += v * v;
  }
  const double sd = std::sqrt(squares / static_cast<double>(column.size() - 1));
  for (double& v : column) v = sd > 1e-12 ? v / sd : 0;
}

std::vector<double> column_of(const Data& data, std::size_t c) {
  std::vector<double> column(data.rows);
  for (std::size_t r = 0; r < data.rows; ++r) column[r] = data.values[r * data.columns + c];
  return column;
}

double between_groups(const std::vector<double>& column, const std::vector<std::size_t>& group,
                      const std::vector<double>& sizes) {
  std::vector<double> sums(sizes.size());
  for (std::size_t r = 0; r < column.size(); ++r) sums[group[r]] += column[r];
  double total = 0;
  for (std::size_t g = 0; g < sizes.size(); ++g) total += sums[g] * sums[g] / sizes[g];
  return total;
}

double judge(Data data, bool given, Objective objective, const std::vector<std::size_t>& group) {
  std::vector<double> sizes(*std::max_element(group.begin(), group.end()) + 1);
  for (const auto g : group) ++sizes[g];
  double total = 0;
  if (is_linear(objective)) {
    for (std::size_t c = 0; c < data.columns; ++c) {
      auto column = column_of(data, c);
      scale(column);
      total += between_groups(column, group, sizes);
      if (objective != Objective::kKPlus) continue;
      for (double& v : column) v *= v;
      scale(column);
      total += between_groups(column, group, sizes);
    }
    return total;
  }
  if (!given) {
    for (std::size_t c = 0; c < data.columns; ++c) {
      auto column = column_of(data, c);
      scale(column);
      for (std::size_t r = 0; r < data.rows; ++r) data.values[r * data.columns + c] = column[r];
    }
  }
  double smallest = std::numeric_limits<double>::infinity();
  for (std::size_t i = 0; i < data.rows; ++i) {
    double row = 0;
    for (std::size_t j = 0; j < i; ++j) {
      if (group[i] != group[j]) continue;
      const double d = distance(data, given, i, j);
      row += d;
      smallest = std::min(smallest, d);
    }
    total += objective == Objective::kAverageDiversity ? row / sizes[group[i]] : row;
  }
  return objective == Objective::kDispersion ? smallest : total;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "";
  if (!((what == "solve" && argc == 9) || (what == "judge" && argc >= 6))) {
    fmt::print(
        stderr,
        "usage: split_solve solve FILE columns|distances OBJECTIVE SIZE,… METHOD SECONDS SEED\n"
        "       split_solve judge FILE columns|distances OBJECTIVE GROUPS…\n");
    return 2;
  }
  const auto data = read(argv[2]);
  const bool distances = std::string_view(argv[3]) == "distances";
  const auto objective = good(parse_objective(argv[4]));
  if (what == "solve") {
    std::vector<std::uint32_t> sizes;
    for (char* next = argv[5]; *next != '\0'; next += *next == ',' ? 1 : 0) {
      sizes.push_back(static_cast<std::uint32_t>(std::strtoul(next, &next, 10)));
    }
    return solve(data, distances, objective, sizes, good(parse_method(argv[6])),
                 std::strtod(argv[7], nullptr), std::strtoull(argv[8], nullptr, 10));
  }
  for (int i = 5; i < argc; ++i) {
    std::ifstream file(argv[i]);
    const std::vector<std::size_t> group{std::istream_iterator<std::size_t>(file), {}};
    if (group.size() != data.rows) {
      fmt::print(stderr, "{}: {} groups for {} rows\n", argv[i], group.size(), data.rows);
      return 1;
    }
    fmt::print("{:.17g}\n", judge(data, distances, objective, group));
  }
  return 0;
}
