#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numeric>
#include <unordered_set>

#include <saola/base/text.hpp>
#include <saola/split/options.hpp>

#include "table/quoted.hpp"

namespace saola::split {
namespace {

using Sizes = std::vector<NamedSize>;

constexpr double kShareTolerance = 0.001 + 1e-9;

Result<void> check_names(const Sizes& groups) {
  std::unordered_set<std::string_view> seen;
  for (const auto& group : groups) {
    if (group.name.empty()) {
      return fail(ErrorCode::kInvalidArgument, "groups: a group has an empty name");
    }
    if (!is_utf8(group.name)) {
      return fail(ErrorCode::kInvalidArgument, "groups: a group's name is not UTF-8");
    }
    if (!seen.insert(group.name).second) {
      return fail(ErrorCode::kInvalidArgument, "groups: {} is named twice; names must differ",
                  quoted(group.name));
    }
  }
  return {};
}

Result<void> check_count(std::size_t count, std::size_t rows) {
  if (count < 2) {
    return fail(ErrorCode::kInvalidArgument, "groups: {} asked for; a split needs at least 2",
                count);
  }
  if (count > rows) {
    return fail(ErrorCode::kInvalidArgument,
                "groups: {} groups asked for, but the table has {} row{}; ask for at most as many "
                "groups as rows",
                count, rows, rows == 1 ? "" : "s");
  }
  return {};
}

void make_equal(Sizes& groups, std::size_t rows) {
  for (std::size_t i = 0; i < groups.size(); ++i) {
    groups[i].size =
        static_cast<std::uint32_t>(rows / groups.size() + (i < rows % groups.size() ? 1 : 0));
  }
}

// Largest remainder (Hamilton): floors first, then one more to the largest fractions.
Result<Sizes> from_shares(const WeightedGroups& wanted, double sum, std::size_t rows) {
  Sizes groups;
  std::vector<double> fraction;
  std::size_t given = 0;
  for (const auto& [name, share] : wanted.weights) {
    const double exact = share / sum * static_cast<double>(rows);
    // A hair above an integer in binary must not count as a fraction below the next.
    const double whole = std::floor(exact + 1e-9);
    groups.push_back({name, static_cast<std::uint32_t>(whole)});
    fraction.push_back(exact - whole);
    given += static_cast<std::size_t>(whole);
  }
  std::vector<std::size_t> order(groups.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return fraction[a] > fraction[b] || (fraction[a] == fraction[b] && a < b);
  });
  for (std::size_t i = 0; given < rows; i = (i + 1) % order.size(), ++given) {
    ++groups[order[i]].size;
  }
  for (std::size_t i = 0; i < groups.size(); ++i) {
    if (groups[i].size == 0) {
      return fail(ErrorCode::kInvalidArgument,
                  "groups: {} would get 0 of {} rows with a share of {}; raise its share",
                  quoted(groups[i].name), rows, wanted.weights[i].second);
    }
  }
  return groups;
}

Result<Sizes> from_weights(const WeightedGroups& wanted, std::size_t rows) {
  Sizes named;
  double sum = 0;
  bool whole = true;
  for (const auto& [name, weight] : wanted.weights) {
    if (!std::isfinite(weight) || weight <= 0) {
      return fail(ErrorCode::kInvalidArgument,
                  "groups: {} has the share or size {}; it must be above 0", quoted(name), weight);
    }
    named.push_back({name, 0});
    whole = whole && weight == std::floor(weight);
    sum += weight;
  }
  if (auto ok = check_names(named); !ok) return fail(ok);
  if (auto ok = check_count(named.size(), rows); !ok) return fail(ok);
  if (std::abs(sum - 1) <= kShareTolerance) return from_shares(wanted, sum, rows);
  if (whole && sum == static_cast<double>(rows)) {
    for (std::size_t i = 0; i < named.size(); ++i) {
      named[i].size = static_cast<std::uint32_t>(wanted.weights[i].second);
    }
    return named;
  }
  if (whole) {
    return fail(ErrorCode::kInvalidArgument,
                "groups: the sizes sum to {}, but the table has {} rows; make them sum to {}, or "
                "give shares that sum to 1",
                sum, rows, rows);
  }
  return fail(
      ErrorCode::kInvalidArgument,
      "groups: the shares sum to {:.6g}; they must sum to 1 (or be sizes that sum to the {} "
      "rows)",
      sum, rows);
}

// Within the ranges, as equal as they allow.
Result<Sizes> from_ranges(const RangedGroups& wanted, std::size_t rows) {
  Sizes named;
  std::uint64_t least = 0;
  std::uint64_t most = 0;
  for (const auto& range : wanted.ranges) {
    if (range.min < 1 || range.max < range.min) {
      return fail(ErrorCode::kInvalidArgument,
                  "groups: {} has the sizes {} to {}; they must be at least 1 and in order",
                  quoted(range.name), range.min, range.max);
    }
    named.push_back({range.name, range.min});
    least += range.min;
    most += range.max;
  }
  if (auto ok = check_names(named); !ok) return fail(ok);
  if (auto ok = check_count(named.size(), rows); !ok) return fail(ok);
  if (least > rows || most < rows) {
    return fail(
        ErrorCode::kInvalidArgument,
        "groups: the sizes allow {} to {} rows together, but there are {}; widen a range, or "
        "leave rows out with 'exclude'",
        least, most, rows);
  }
  // The next row goes to the smallest group that may grow.
  for (auto left = rows - least; left > 0; --left) {
    std::size_t smallest = named.size();
    for (std::size_t g = 0; g < named.size(); ++g) {
      if (named[g].size >= wanted.ranges[g].max) continue;
      if (smallest == named.size() || named[g].size < named[smallest].size) smallest = g;
    }
    ++named[smallest].size;
  }
  return named;
}

template <typename Enum, std::size_t N>
Result<Enum> parse(std::string_view option, std::string_view name,
                   const std::array<std::pair<std::string_view, Enum>, N>& known) {
  std::string list;
  for (const auto& [text, value] : known) {
    if (text == name) return value;
    list += (list.empty() ? "'" : ", '") + std::string(text) + "'";
  }
  return fail(ErrorCode::kInvalidArgument, "{}: {} is not known; use one of {}", option,
              quoted(name), list);
}

}  // namespace

std::string_view to_string(Objective objective) {
  switch (objective) {
    case Objective::kDiversity:
      return "diversity";
    case Objective::kAverageDiversity:
      return "average-diversity";
    case Objective::kVariance:
      return "variance";
    case Objective::kKPlus:
      return "kplus";
    case Objective::kDispersion:
      return "dispersion";
    case Objective::kBicriterion:
      return "bicriterion";
  }
  return "?";
}

std::string_view to_string(Method method) {
  switch (method) {
    case Method::kExchange:
      return "exchange";
    case Method::kLocalMaximum:
      return "local-maximum";
    case Method::kSearch:
      return "search";
    case Method::kThreePhase:
      return "three-phase";
  }
  return "?";
}

std::string_view to_string(Missing missing) {
  switch (missing) {
    case Missing::kFail:
      return "fail";
    case Missing::kDropRows:
      return "drop_rows";
    case Missing::kMean:
      return "mean";
    case Missing::kMedian:
      return "median";
    case Missing::kIndicator:
      return "indicator";
  }
  return "?";
}

Result<Missing> parse_missing(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Missing>, 5> kKnown = {
      {{"fail", Missing::kFail},
       {"drop_rows", Missing::kDropRows},
       {"mean", Missing::kMean},
       {"median", Missing::kMedian},
       {"indicator", Missing::kIndicator}}};
  return parse("missing", name, kKnown);
}

Result<Objective> parse_objective(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Objective>, 6> kKnown = {
      {{"diversity", Objective::kDiversity},
       {"average-diversity", Objective::kAverageDiversity},
       {"variance", Objective::kVariance},
       {"kplus", Objective::kKPlus},
       {"dispersion", Objective::kDispersion},
       {"bicriterion", Objective::kBicriterion}}};
  return parse("objective", name, kKnown);
}

Result<Method> parse_method(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Method>, 4> kKnown = {
      {{"exchange", Method::kExchange},
       {"local-maximum", Method::kLocalMaximum},
       {"search", Method::kSearch},
       {"three-phase", Method::kThreePhase}}};
  return parse("method", name, kKnown);
}

std::string_view to_string(Transform transform) {
  switch (transform) {
    case Transform::kStandardise:
      return "standardise";
    case Transform::kLog:
      return "log";
    case Transform::kRank:
      return "rank";
  }
  return "?";
}

Result<Transform> parse_transform(std::string_view name) {
  constexpr std::array<std::pair<std::string_view, Transform>, 3> kKnown = {
      {{"standardise", Transform::kStandardise},
       {"log", Transform::kLog},
       {"rank", Transform::kRank}}};
  return parse("transform", name, kKnown);
}

Result<std::vector<NamedSize>> resolve_groups(const Groups& groups, std::size_t rows) {
  if (const auto* weighted = std::get_if<WeightedGroups>(&groups)) {
    return from_weights(*weighted, rows);
  }
  if (const auto* ranged = std::get_if<RangedGroups>(&groups)) return from_ranges(*ranged, rows);
  Sizes named;
  std::size_t count = 0;
  if (const auto* equal = std::get_if<EqualGroups>(&groups)) {
    count = equal->count;
  } else {
    const auto& names = std::get<NamedGroups>(groups).names;
    count = names.size();
    for (const auto& name : names) named.push_back({name, 0});
    if (auto ok = check_names(named); !ok) return fail(ok);
  }
  if (auto ok = check_count(count, rows); !ok) return fail(ok);
  if (named.empty()) {
    for (std::size_t k = 1; k <= count; ++k) named.push_back({std::to_string(k), 0});
  }
  make_equal(named, rows);
  return named;
}

}  // namespace saola::split
