#include "constraints/rules.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <unordered_map>
#include <utility>

#include <saola/split/split.hpp>

#include "table/quoted.hpp"

namespace saola::split {
namespace {

using Ok = Result<void>;

class Resolver {
 public:
  Resolver(const Table& table, const Options& options, const Selection& selection,
           const std::vector<NamedSize>& groups)
      : table_(table), options_(options), selection_(selection), groups_(groups) {
    // Of many rows it is large, and mostly nobody asks.
    const auto& where = options.constraints;
    if (!where.fixed.empty() || !where.allowed.empty() || !where.together.empty() ||
        !where.apart.empty()) {
      const auto ids = table.text(selection.id);
      for (std::uint32_t u = 0; u < selection.rows.size(); ++u) {
        unit_of_.emplace(ids[selection.rows[u]], u);
      }
    }
    for (std::uint32_t g = 0; g < groups.size(); ++g) group_of_.emplace(groups[g].name, g);
  }

  Result<Rules> run() && {
    for (const auto step : {&Resolver::allowed, &Resolver::sets, &Resolver::columns,
                            &Resolver::volume, &Resolver::start}) {
      if (auto ok = (this->*step)(); !ok) return fail(ok);
    }
    rules_.plain = rules_.rules.empty() && rules_.start.empty() && !ranged();
    sizes();
    return std::move(rules_);
  }

 private:
  const RangedGroups* ranged() const { return std::get_if<RangedGroups>(&options_.groups); }

  Result<std::uint32_t> unit(std::string_view option, const std::string& id) const {
    const auto found = unit_of_.find(id);
    if (found != unit_of_.end()) return found->second;
    return fail(
        ErrorCode::kInvalidArgument,
        "{}: there is no unit {} in the id column {} (or it was left out); ids are compared "
        "to the letter",
        option, quoted(id), quoted(table_.columns()[selection_.id].name));
  }
  Result<std::uint32_t> group(std::string_view option, const std::string& name) const {
    const auto found = group_of_.find(name);
    if (found != group_of_.end()) return found->second;
    std::string names;
    for (std::size_t g = 0; g < groups_.size() && g < 12; ++g) {
      names += (g > 0 ? ", " : "") + quoted(groups_[g].name);
    }
    return fail(ErrorCode::kInvalidArgument, "{}: there is no group {}; there is {}", option,
                quoted(name), names);
  }

  Ok allowed() {
    for (const auto& [id, name] : options_.constraints.fixed) {
      if (auto ok = allow("fixed", id, {name}); !ok) return ok;
    }
    for (const auto& [id, names] : options_.constraints.allowed) {
      if (auto ok = allow("allowed", id, names); !ok) return ok;
    }
    return {};
  }

  Ok allow(std::string_view option, const std::string& id, const std::vector<std::string>& names) {
    Rule rule;
    rule.text = fmt::format("{}: {} in", option, quoted(id));
    const auto u = unit(option, id);
    if (!u) return fail(u);
    rule.units = {*u};
    for (const auto& name : names) {
      const auto g = group(option, name);
      if (!g) return fail(g);
      rule.groups.push_back(*g);
      rule.text += (rule.groups.size() > 1 ? " or " : " ") + quoted(name);
    }
    rules_.rules.push_back(std::move(rule));
    return {};
  }

  Ok sets() {
    const auto take = [&](std::string_view option, Rule::Kind kind,
                          const std::vector<std::vector<std::string>>& sets) -> Ok {
      for (const auto& set : sets) {
        Rule rule;
        rule.kind = kind;
        rule.text = std::string(option) + ":";
        for (const auto& id : set) {
          const auto u = unit(option, id);
          if (!u) return fail(u);
          rule.units.push_back(*u);
          if (rule.units.size() <= 5)
            rule.text += (rule.units.size() > 1 ? ", " : " ") + quoted(id);
        }
        if (rule.units.size() > 5) rule.text += fmt::format(", … ({} units)", rule.units.size());
        rules_.rules.push_back(std::move(rule));
      }
      return {};
    };
    if (auto ok = take("together", Rule::Kind::kTogether, options_.constraints.together); !ok)
      return ok;
    return take("apart", Rule::Kind::kApart, options_.constraints.apart);
  }

  Ok columns() {
    const auto take = [&](std::string_view option, Rule::Kind kind,
                          const std::optional<std::string>& name) -> Ok {
      if (!name) return {};
      const auto c = table_.find(*name);
      if (!c) {
        return fail(ErrorCode::kInvalidArgument, "{}: the table has no column {}. It has {}",
                    option, quoted(*name), table_.names());
      }
      const auto cells = table_.text(*c);
      std::map<std::string_view, std::vector<std::uint32_t>> sets;
      for (std::uint32_t u = 0; u < selection_.rows.size(); ++u) {
        const auto& cell = cells[selection_.rows[u]];
        if (!table_.missing(cell)) sets[cell].push_back(u);
      }
      for (auto& [value, units] : sets) {
        const auto most = kind == Rule::Kind::kApart ? options_.constraints.apart_most : 1;
        if (units.size() <= most) continue;
        Rule rule;
        rule.kind = kind;
        rule.most = most;
        rule.text = fmt::format("{}: the {} units with {} {}", option, units.size(), quoted(*name),
                                quoted(value));
        rule.units = std::move(units);
        rules_.rules.push_back(std::move(rule));
      }
      return {};
    };
    if (options_.constraints.apart_most < 1) {
      return fail(ErrorCode::kInvalidArgument,
                  "apart: at most 0 units a group asked for; it must be at least 1");
    }
    if (auto ok = take("together", Rule::Kind::kTogether, options_.constraints.together_column);
        !ok) {
      return ok;
    }
    return take("apart", Rule::Kind::kApart, options_.constraints.apart_column);
  }

  Ok volume() {
    const auto& wanted = options_.constraints;
    if (!wanted.volume_column) return {};
    const auto c = table_.find(*wanted.volume_column);
    if (!c || !table_.columns()[*c].numeric()) {
      return fail(ErrorCode::kInvalidArgument,
                  "volume: {} is no numeric column of the table. It has {}",
                  quoted(*wanted.volume_column), table_.names());
    }
    double total = 0;
    for (const auto row : selection_.rows) {
      const double value = table_.columns()[*c].values[row];
      if (!(value >= 0)) {
        return fail(ErrorCode::kInvalidArgument,
                    "volume: column {} holds {} in {}; a volume must be a number of at least 0",
                    quoted(*wanted.volume_column), quoted(table_.cell(row, *c)), table_.place(row));
      }
      rules_.volume.push_back(value);
      total += value;
    }
    for (const auto& share : wanted.volume_shares) {
      const auto g = group("volume", share.group);
      if (!g) return fail(g);
      if (!(share.min >= 0 && share.min <= share.max && share.max <= 1)) {
        return fail(ErrorCode::kInvalidArgument,
                    "volume: the shares {} to {} of {} must be in order, within 0 and 1", share.min,
                    share.max, quoted(share.group));
      }
      Rule rule;
      rule.kind = Rule::Kind::kVolume;
      rule.groups = {*g};
      rule.min = share.min * total;
      rule.max = share.max * total;
      rule.text = fmt::format("volume: {} has {:g} to {:g} of {}", quoted(share.group), share.min,
                              share.max, quoted(*wanted.volume_column));
      rules_.rules.push_back(std::move(rule));
    }
    return {};
  }

  Ok start() {
    if (!options_.start_column) return {};
    const auto c = table_.find(*options_.start_column);
    if (!c) {
      return fail(ErrorCode::kInvalidArgument,
                  "start_column: the table has no column {}. It has {}",
                  quoted(*options_.start_column), table_.names());
    }
    for (const auto row : selection_.rows) {
      const auto cell = table_.cell(row, *c);
      if (table_.missing(cell)) {
        rules_.start.push_back(kNoGroup);
        continue;
      }
      const auto g = group("start_column", cell);
      if (!g) return fail(g);
      rules_.start.push_back(*g);
    }
    return {};
  }

  void sizes() {
    for (std::uint32_t g = 0; g < groups_.size(); ++g) {
      Rule rule;
      rule.kind = Rule::Kind::kSize;
      rule.groups = {g};
      rule.min = rule.max = groups_[g].size;
      if (const auto* ranges = ranged()) {
        rule.min = ranges->ranges[g].min;
        rule.max = ranges->ranges[g].max;
      }
      rule.text = rule.min == rule.max
                      ? fmt::format("groups: {} has {} units", quoted(groups_[g].name), rule.min)
                      : fmt::format("groups: {} has {} to {} units", quoted(groups_[g].name),
                                    rule.min, rule.max);
      rules_.rules.push_back(std::move(rule));
    }
  }

  const Table& table_;
  const Options& options_;
  const Selection& selection_;
  const std::vector<NamedSize>& groups_;
  std::unordered_map<std::string, std::uint32_t> unit_of_;
  std::unordered_map<std::string, std::uint32_t> group_of_;
  Rules rules_;
};

}  // namespace

Result<Rules> resolve_rules(const Table& table, const Options& options, const Selection& selection,
                            const std::vector<NamedSize>& groups) {
  return Resolver(table, options, selection, groups).run();
}

}  // namespace saola::split
