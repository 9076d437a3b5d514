#include "selection/suspicion.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "table/quoted.hpp"

namespace saola::split {
namespace {

using namespace std::string_view_literals;

std::string lower(std::string_view text) {
  std::string out;
  for (const char c : text) out.push_back(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  return out;
}

// "Total", "grand total", "Gesamt:", "Summe 2024".
bool names_a_total(std::string_view id) {
  constexpr std::array kWords = {
      "total"sv,      "totals"sv,  "subtotal"sv, "sum"sv,     "summe"sv, "gesamt"sv,
      "insgesamt"sv,  "somme"sv,   "totale"sv,   "totaal"sv,  "suma"sv,  "итого"sv,
      "всего"sv,      "合計"sv,    "总计"sv,     "average"sv, "mean"sv,  "durchschnitt"sv,
      "mittelwert"sv, "moyenne"sv, "all"sv,      "overall"sv};
  const auto text = lower(id);
  std::size_t begin = 0;
  std::vector<std::string> words;
  while (begin < text.size()) {
    const auto first = text.find_first_not_of(" \t:-_()", begin);
    if (first == text.npos) break;
    const auto end = std::min(text.find_first_of(" \t:-_()", first), text.size());
    words.push_back(text.substr(first, end - first));
    begin = end;
  }
  const auto total = [&](const std::string& word) {
    return std::find(kWords.begin(), kWords.end(), word) != kWords.end();
  };
  if (words.empty() || words.size() > 3) return false;
  return total(words.front()) || total(words.back());
}

// Rows that are the sum, or the mean, of all the others in every numeric column.
std::vector<std::size_t> rows_of_sums(const Selection& selection) {
  const auto units = selection.rows.size();
  std::vector<std::size_t> found;
  if (units < 4) return found;
  std::vector<std::uint8_t> candidate(units, 1);
  bool any = false;
  for (std::size_t c = 0; c + selection.indicators < selection.covariates.size(); ++c) {
    const auto values = selection.covariates[c].values();
    if (selection.covariates[c].constant()) continue;
    double sum = 0;
    double magnitude = 0;
    for (const double v : values) {
      sum += v;
      magnitude += std::abs(v);
    }
    any = true;
    const double tolerance = 1e-9 * magnitude;
    for (std::size_t u = 0; u < units; ++u) {
      const double others = sum - values[u];
      const bool total = std::abs(values[u] - others) <= tolerance && values[u] != 0;
      candidate[u] = candidate[u] != 0 && total ? 1 : 0;
    }
  }
  for (std::size_t u = 0; any && u < units; ++u) {
    if (candidate[u] != 0) found.push_back(u);
  }
  return found;
}

void find_totals(const Table& table, const Selection& selection, std::vector<std::string>& out) {
  auto sums = rows_of_sums(selection);
  const auto say = [&](std::size_t unit, std::string_view why) {
    const auto row = selection.rows[unit];
    out.push_back(fmt::format(
        "{} ({}) {}; it was split like any other row: remove it, or name it in 'exclude', if it is "
        "not a unit",
        table.place(row), quoted(table.cell(row, selection.id)), why));
  };
  for (const auto unit : sums) say(unit, "is the sum of all other rows");
  std::size_t shown = 0;
  std::size_t unit = 0;
  table.each(selection.id, [&](std::size_t row, std::string_view id) {
    if (unit == selection.rows.size()) return false;
    if (row != selection.rows[unit]) return true;
    const auto u = unit++;
    if (!names_a_total(id) || std::find(sums.begin(), sums.end(), u) != sums.end()) return true;
    say(u, "looks like a row of totals by its name");
    constexpr std::size_t kMostShown = 5;
    return ++shown < kMostShown;
  });
}

// A value such as -999 at the edge of a column, far from all others.
void find_sentinel(const Covariate& covariate, std::vector<std::string>& out) {
  constexpr std::array kUsual = {-1.0,     -9.0,      -99.0,     -999.0,  -9999.0,
                                 -99999.0, -999999.0, 99.0,      999.0,   9999.0,
                                 99999.0,  999999.0,  9999999.0, -8888.0, -7777.0};
  const auto values = covariate.values();
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  for (const double edge : {*low, *high}) {
    if (std::find(kUsual.begin(), kUsual.end(), edge) == kUsual.end()) continue;
    double rest_low = INFINITY;
    double rest_high = -INFINITY;
    std::size_t count = 0;
    for (const double v : values) {
      if (v == edge) {
        ++count;
      } else {
        rest_low = std::min(rest_low, v);
        rest_high = std::max(rest_high, v);
      }
    }
    if (count == values.size()) continue;
    const double gap = edge < rest_low ? rest_low - edge : edge - rest_high;
    // -1 is a number like others beside 0 or 1.
    const bool negative = edge < 0 && rest_low >= (edge == -1 ? 2 : 0);
    if (!negative && gap <= rest_high - rest_low) continue;
    out.push_back(fmt::format(
        "column {} has the value {} in {} row{}, far from all others: if it means 'no value', name "
        "it in 'na_values'",
        quoted(covariate.name()), edge, count, count == 1 ? "" : "s"));
  }
}

// Whole numbers, different in every row: perhaps an id.
void find_numbering(const Covariate& covariate, std::vector<std::string>& out) {
  const auto values = covariate.values();
  constexpr double kExact = 9e15;
  constexpr std::size_t kFewest = 10;  // in fewer rows it is chance
  if (values.size() < kFewest) return;
  for (const double v : values) {
    if (v != std::floor(v) || std::abs(v) > kExact) return;
  }
  std::vector<double> sorted(values.begin(), values.end());
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) return;
  const bool consecutive = sorted.back() - sorted.front() == static_cast<double>(values.size() - 1);
  if (!consecutive && !named_like_an_id(covariate.name())) return;
  out.push_back(fmt::format(
      "column {} holds a different whole number in every row, as ids and row numbers do; it was "
      "balanced like any number: leave it out of 'columns' if it is no measure",
      quoted(covariate.name())));
}

}  // namespace

bool named_like_an_id(std::string_view name) {
  const auto text = lower(name);
  constexpr std::array kWords = {"id"sv,  "key"sv,  "code"sv,   "no"sv,    "nr"sv,     "num"sv,
                                 "zip"sv, "plz"sv,  "fips"sv,   "index"sv, "number"sv, "postcode"sv,
                                 "row"sv, "uuid"sv, "serial"sv, "phone"sv, "rank"sv};
  for (const auto word : kWords) {
    if (text == word) return true;
    if (text.size() > word.size() && text.ends_with(word) &&
        std::string_view("_- .").find(text[text.size() - word.size() - 1]) !=
            std::string_view::npos) {
      return true;
    }
    if (text.size() > word.size() && text.starts_with(word) &&
        std::string_view("_- .").find(text[word.size()]) != std::string_view::npos) {
      return true;
    }
  }
  return name.size() > 2 && name.ends_with("Id");
}

std::vector<std::string> find_suspicious(const Table& table, const Selection& selection,
                                         const std::function<bool()>& poll) {
  std::vector<std::string> out;
  find_totals(table, selection, out);
  const auto numeric = selection.covariates.size() - selection.indicators;
  for (std::size_t c = 0; c < numeric && !poll(); ++c) find_sentinel(selection.covariates[c], out);
  for (std::size_t c = 0; c < numeric && !poll(); ++c) find_numbering(selection.covariates[c], out);
  return out;
}

}  // namespace saola::split
