// The split task: rows of a table into groups as alike as possible (anticlustering). Pure: no I/O,
// no randomness but the seed's, no clock but the one passed in.
//
//   auto table = read_table(bytes);
//   if (!table) return table.error();
//   Observer nobody;
//   auto outcome = split(*table, {.groups = EqualGroups{3}}, nobody, real_clock());
//   if (!outcome) return outcome.error();
//   write("groups.csv", assignment_csv(*table, *outcome));
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <saola/base/error.hpp>
#include <saola/base/time.hpp>
#include <saola/split/balance.hpp>
#include <saola/split/options.hpp>
#include <saola/split/panel.hpp>
#include <saola/split/search.hpp>
#include <saola/split/table.hpp>

namespace saola::split {

// Watches a running split. Called from the thread that called split(); this one does nothing.
//
//   struct Watch final : split::Observer {
//     explicit Watch(saola::Job& j) : job(j) {}
//     bool cancelled() override { return job.stop_requested(); }
//     void progress(double part, std::string_view text) override { job.progress(part, text); }
//     saola::Job& job;
//   };
class Observer {
 public:
  virtual ~Observer() = default;
  // Asked every few milliseconds; true ends the search with the best so far.
  virtual bool cancelled() { return false; }
  // False: who cancels throws the answer away. Nothing is measured then, and the outcome says no more
  // than that it was cancelled.
  virtual bool keeps_cancelled() const { return true; }
  // `fraction` never falls and stays within 0 … 1; called when it has grown by half a percent, and
  // at least twice a second.
  virtual void progress(double /*fraction*/, std::string_view /*message*/) {}
};

// What ended the search: it was done, Options::budget, or Observer::cancelled().
enum class StoppedBy { kDone, kBudget, kCancel };
std::string_view to_string(StoppedBy stopped_by);  // "done", "budget", "cancel"

// The designs of which one was drawn, each equally likely: what a randomisation test needs.
struct DesignSet {
  // Designs × rows of the table: an index into the groups, or kNoGroup; before names are drawn.
  std::vector<std::vector<std::uint32_t>> designs;
  std::size_t drawn = 0;
  // The objective of the worst of them.
  double worst_objective = 0;
  // Names of groups of equal size were drawn as well.
  bool names_drawn = false;
  // Rows × groups: how likely each row was to be in each group, over designs and names.
  std::vector<double> probability;
};

// In Outcome::group_of_row: the row got no group.
inline constexpr std::uint32_t kNoGroup = UINT32_MAX;

// The answer, how good it is, and how it was found.
struct Outcome {
  std::vector<NamedSize> groups;
  // Of each row, in the table's order: an index into `groups`, or kNoGroup.
  std::vector<std::uint32_t> group_of_row;
  // Rows without a group.
  std::size_t rows_left_out = 0;
  // Index of the id column in the table.
  std::size_t id_column = 0;
  // What was optimised, and what was asked for: they differ when diversity was asked for with
  // unequal sizes. Meaningless when there was nothing numeric to balance: see `random`.
  Objective objective = Objective::kKPlus;
  Objective objective_asked = Objective::kKPlus;
  Method method = Method::kSearch;
  std::uint64_t seed = 0;
  // No numeric column takes part: the split is random but for the strata.
  bool random = false;
  // The objective's value for a random split and for the answer. Absent when `random`, and for
  // diversity of many rows when the split was cut before the distances had been summed.
  std::optional<double> objective_before;
  std::optional<double> objective_after;
  // How partners were chosen: "all" or "near", with the number tried for each unit and pass.
  std::string partners;
  std::size_t restarts_done = 0;
  std::size_t best_restart = 0;
  std::size_t threads = 0;
  // Exchange trials evaluated and swaps made.
  std::uint64_t trials = 0;
  std::uint64_t swaps = 0;
  // Of kDispersion and kBicriterion: the answer's, absent when no group has two units; and whether it
  // is known that no split within the constraints has more (of kBicriterion: than the last of the
  // set).
  std::optional<double> dispersion;
  bool dispersion_proven = false;
  // Of kBicriterion, from the most diverse to the most dispersed; rows as in `group_of_row`.
  std::vector<ParetoPoint> pareto;
  std::size_t pareto_chosen = 0;
  // Set when Options::designs asked for it.
  std::optional<DesignSet> designs;
  // Of the split of a panel, unless it was cancelled.
  std::optional<PanelReport> panel;
  StoppedBy stopped_by = StoppedBy::kDone;
  // Cut before the first restart was whole: the answer may be far from the best. A warning names
  // the phase that was cut.
  bool degraded = false;
  // Wall-clock seconds of the call.
  double seconds = 0;
  std::vector<ColumnBalance> columns;
  std::vector<CategoryBalance> strata;
  std::vector<CategoryBalance> categories;
  // What became of every column of the table, in its order.
  std::vector<ColumnAccount> accounts;
  // What the user should know, as sentences, the gravest first: a row that looks like a total, a
  // constant column, a column left out, ….
  std::vector<std::string> warnings;
};

// Splits. Fails with kInvalidArgument when the table or the options cannot be split (the text names
// row, column or option and what to do) and kTooLarge when memory would not suffice. A cancelled
// split is no failure: see stopped_by. `clock` is read for the budget and `seconds` only.
Result<Outcome> split(const Table& table, const Options& options, Observer& observer,
                      const Clock& clock);

// The same of a panel's units, with Outcome::panel: the rows are those of panel.units. Of a budget a
// quarter, at most ten seconds, is kept for the placebo splits; when it is over, fewer are made.
Result<Outcome> split(const Panel& panel, Observer& observer, const Clock& clock);

// The assignment as CSV: header "<id column>,group" and the names of `columns` (indices of the
// table's), one line a row in the table's order, LF. A row without a group has an empty one.
// Format: docs/formats/assignment.md.
std::string assignment_csv(const Table& table, const Outcome& outcome,
                           const std::vector<std::size_t>& columns = {});

// The set of designs as CSV: header "<id column>,group", "p_<group>" for each group and "design_1",
// …; one line a row, for randomisation inference. REQUIRES: outcome.designs.
std::string designs_csv(const Table& table, const Outcome& outcome);

// The Pareto set as CSV: header "<id column>,pareto_1", …, in the order of Outcome::pareto.
// REQUIRES: it is not empty.
std::string pareto_csv(const Table& table, const Outcome& outcome);

// The balance report as JSON text. Format: docs/formats/balance-report.md.
std::string report_json(const Outcome& outcome);

// The same for people: one HTML page that needs nothing else, with pictures. `title` names the
// data.
std::string report_html(const Outcome& outcome, std::string_view title);

// What a split would work on, without running it: how many rows, which columns and groups, and what
// to warn of.
struct Preview {
  std::size_t rows = 0;
  std::size_t rows_left_out = 0;
  std::vector<NamedSize> groups;
  std::vector<ColumnAccount> accounts;
  std::vector<std::string> warnings;
};

// Fails as split() would before its search.
Result<Preview> preview(const Table& table, const Options& options);
Result<Preview> preview(const Panel& panel);

}  // namespace saola::split
