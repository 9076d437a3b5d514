#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/split_task/request.hpp>

namespace saola::split_task {
namespace {

namespace json = boost::json;
using Errors = std::vector<http::FieldError>;

// Shares that differ from 1 in sum by this much are taken for rounding, as split does.
constexpr double kShareTolerance = 0.001 + 1e-9;
// Prefix of what an object lies beside: "a/b/" for "a/b/c.csv".
std::string folder_of(const std::string& key) {
  const std::size_t slash = key.rfind('/');
  return slash == std::string::npos ? "" : key.substr(0, slash + 1);
}

std::vector<std::string> texts_of(const json::value& list) {
  std::vector<std::string> out;
  for (const json::value& item : list.as_array()) out.emplace_back(item.as_string());
  return out;
}

// Of a task without places, and of a job's payload, whose places were checked when it was accepted.
const PlaceChecks& any_place() {
  static const PlaceChecks any{[](const objects::ObjectName&) { return Result<void>(); },
                               [](const objects::ObjectPrefix&) { return Result<void>(); }};
  return any;
}

// Collects what is wrong beyond the shape. REQUIRES: the document has the schema's shape.
class Reader {
 public:
  Reader(const json::object& document, const PlaceChecks& checks, Errors& errors)
      : document_(document), checks_(checks), errors_(errors) {}

  // `source` and `destination` are those given, if they could be read.
  std::optional<SplitRequest> read(std::optional<objects::ObjectName> source,
                                   std::optional<objects::ObjectPrefix> destination) {
    if (source && !given("destination")) destination = beside(*source);
    auto task = read_task();
    if (!task) return std::nullopt;
    return SplitRequest{*std::move(source), *std::move(destination), *std::move(task)};
  }

  std::optional<SplitTask> read_task() {
    SplitTask task;
    task.reading = read_reading();
    task.options = read_options();
    task.panel = read_panel();
    task.assignment_columns = read_names("assignment_columns");
    task.workbook = given("assignment_format") && text("assignment_format") == "xlsx";
    if (!errors_.empty()) return std::nullopt;
    return task;
  }

 private:
  void add(std::string pointer, std::string detail) {
    errors_.push_back({std::move(pointer), std::move(detail)});
  }

  // The member, or null when it is absent or null.
  const json::value* given(std::string_view name) const {
    const json::value* member = document_.if_contains(name);
    return member == nullptr || member->is_null() ? nullptr : member;
  }
  std::string_view text(std::string_view name) const { return document_.at(name).as_string(); }
  double number(std::string_view name, double fallback) const {
    const json::value* member = given(name);
    return member == nullptr ? fallback : member->to_number<double>();
  }

  // A member that one of the parse functions of split understands.
  template <typename Value, typename Parse>
  void parse(std::string_view name, Parse&& parse_text, Value& value) {
    if (!given(name)) return;
    auto parsed = parse_text(text(name));
    if (parsed) {
      value = *parsed;
    } else {
      // The message begins with the member's name, which the pointer says already.
      add(fmt::format("#/{}", name), parsed.error().text());
    }
  }

  split::ReadOptions read_reading() {
    split::ReadOptions reading;
    if (given("encoding")) reading.encoding = std::string(text("encoding"));
    parse("delimiter", split::parse_delimiter, reading.delimiter);
    parse("decimal", split::parse_decimal, reading.decimal);
    parse("thousands", split::parse_thousands, reading.thousands);
    parse("percent", split::parse_percent, reading.percent);
    if (given("na_values")) reading.na_values = texts_of(document_.at("na_values"));
    if (given("sheet")) reading.sheet = std::string(text("sheet"));
    if (reading.decimal && reading.thousands && *reading.decimal == *reading.thousands) {
      add("#/thousands", "must differ from 'decimal'");
    }
    return reading;
  }

  split::Options read_options() {
    split::Options options;
    options.groups = read_groups(document_.at("groups"));
    if (const json::value* id = given("id_column"))
      options.id_column = std::string(id->as_string());
    options.columns = read_names("columns");
    options.strata = read_names("strata");
    options.categories = read_names("categories");
    check_roles(options);
    read_constraints(options.constraints);
    read_pairs("weights", [&](const std::string& name, const json::value& weight) {
      options.weights.emplace_back(name, weight.to_number<double>());
    });
    read_pairs("transform", [&](const std::string& name, const json::value& transform) {
      options.transforms.emplace_back(name, split::parse_transform(transform.as_string()).value());
    });
    if (given("start_column")) options.start_column = std::string(text("start_column"));
    parse("missing", split::parse_missing, options.missing);
    parse("objective", split::parse_objective, options.objective);
    parse("method", split::parse_method, options.method);
    if (const json::value* matrix = given("distance_matrix")) {
      options.distance_matrix = matrix->as_bool();
    }
    if (options.distance_matrix && is_linear(options.objective)) {
      add("#/objective",
          "must be 'diversity', 'average-diversity', 'dispersion' or 'bicriterion' with "
          "'distance_matrix'");
    }
    options.moments =
        static_cast<std::size_t>(number("moments", static_cast<double>(split::Options().moments)));
    if (const json::value* correlations = given("correlations")) {
      options.correlations = correlations->as_bool();
    }
    if (options.objective != split::Objective::kKPlus) {
      for (const std::string_view name : {"moments", "correlations"}) {
        if (given(name)) {
          add(fmt::format("#/{}", name), "belongs to the objective 'kplus'");
        }
      }
    }
    if (given("restarts")) options.restarts = static_cast<std::size_t>(number("restarts", 1));
    options.patience = static_cast<std::size_t>(
        number("patience", static_cast<double>(split::Options().patience)));
    options.designs = static_cast<std::size_t>(number("designs", 0));
    options.tolerance = number("tolerance", options.tolerance);
    options.budget = std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(number("budget_seconds", kDefaultBudgetSeconds)));
    if (const json::value* seed = given("seed")) options.seed = seed->to_number<std::uint64_t>();
    return options;
  }

  split::PanelOptions::Period read_period(const json::object& panel, std::string_view name) {
    const json::value* value = panel.if_contains(name);
    if (value == nullptr || value->is_null()) return {};
    if (value->is_number()) return value->to_number<std::size_t>();
    const auto ends = texts_of(*value);
    return std::pair{ends[0], ends[1]};
  }

  std::optional<split::PanelOptions> read_panel() {
    const json::value* member = given("panel");
    if (member == nullptr) return std::nullopt;
    const auto& object = member->as_object();
    split::PanelOptions panel;
    const auto name = [&](std::string_view field, std::string& out) {
      out = std::string(object.at(field).as_string());
    };
    name("unit", panel.unit);
    name("time", panel.time);
    name("value", panel.value);
    panel.pre = read_period(object, "pre");
    panel.holdout = read_period(object, "holdout");
    const auto whole = [&](std::string_view field) -> std::optional<std::size_t> {
      const json::value* value = object.if_contains(field);
      if (value == nullptr || value->is_null()) return std::nullopt;
      return value->to_number<std::size_t>();
    };
    panel.lags = whole("lags");
    panel.duration = whole("duration");
    panel.placebos = whole("placebos").value_or(panel.placebos);
    if (const json::value* control = object.if_contains("control");
        control != nullptr && !control->is_null()) {
      panel.control = std::string(control->as_string());
    }
    return panel;
  }

  // Where the results go unless the request says so.
  std::optional<objects::ObjectPrefix> beside(const objects::ObjectName& source) {
    auto prefix = objects::ObjectPrefix::parse(
        fmt::format("s3://{}/{}out/", source.bucket(), folder_of(source.key())));
    if (prefix) {
      const bool source_is_known =
          std::ranges::find(errors_, "#/source", &http::FieldError::pointer) == errors_.end();
      if (auto ok = checks_.destination(*prefix); !ok && source_is_known) {
        add("#/destination",
            fmt::format("is left out, so the results would go beside the source: {}",
                        ok.error().text()));
      }
      return *std::move(prefix);
    }
    add("#/source", fmt::format("the results cannot go beside it: {}; give a destination",
                                prefix.error().text()));
    return std::nullopt;
  }

  split::Groups read_groups(const json::value& groups) {
    if (groups.is_array()) {
      split::NamedGroups named{texts_of(groups)};
      check_unique(named.names, "#/groups");
      return named;
    }
    if (groups.is_object()) {
      const auto& object = groups.as_object();
      if (object.begin()->value().is_object()) return read_ranges(object);
      return read_weights(object);
    }
    return split::EqualGroups{groups.to_number<std::size_t>()};
  }

  template <typename Take>
  void read_pairs(std::string_view name, Take&& take) {
    const json::value* map = given(name);
    if (map == nullptr) return;
    for (const auto& member : map->as_object()) take(std::string(member.key()), member.value());
  }

  void read_constraints(split::Constraints& constraints) {
    read_pairs("fixed", [&](const std::string& unit, const json::value& group) {
      constraints.fixed.emplace_back(unit, group.as_string());
    });
    read_pairs("allowed", [&](const std::string& unit, const json::value& groups) {
      constraints.allowed.emplace_back(unit, texts_of(groups));
    });
    constraints.exclude = read_names("exclude");
    read_sets("together", constraints.together, constraints.together_column);
    read_sets("apart", constraints.apart, constraints.apart_column);
    if (const json::value* apart = given("apart"); apart != nullptr && apart->is_object()) {
      const auto& object = apart->as_object();
      constraints.apart_column = std::string(object.at("column").as_string());
      if (const auto* most = object.if_contains("at_most")) {
        constraints.apart_most = most->to_number<std::uint32_t>();
      }
    }
    const json::value* volume = given("volume");
    if (volume == nullptr) return;
    constraints.volume_column = std::string(volume->at("column").as_string());
    for (const auto& member : volume->at("shares").as_object()) {
      const auto& range = member.value().as_array();
      const double min = range[0].to_number<double>();
      const double max = range[1].to_number<double>();
      if (min > max) {
        add(fmt::format("#/volume/shares/{}", std::string_view(member.key())),
            "the first share must not be above the second");
      }
      constraints.volume_shares.push_back({std::string(member.key()), min, max});
    }
  }

  // A list of sets, or the name of a column.
  void read_sets(std::string_view name, std::vector<std::vector<std::string>>& sets,
                 std::optional<std::string>& column) {
    const json::value* value = given(name);
    if (value == nullptr) return;
    if (value->is_string()) column = std::string(value->as_string());
    if (!value->is_array()) return;
    for (const auto& set : value->as_array()) sets.push_back(texts_of(set));
  }

  split::RangedGroups read_ranges(const json::object& groups) {
    split::RangedGroups out;
    for (const auto& member : groups) {
      const auto& range = member.value().as_object();
      out.ranges.push_back({std::string(member.key()), range.at("min").to_number<std::uint32_t>(),
                            range.at("max").to_number<std::uint32_t>()});
      if (out.ranges.back().min > out.ranges.back().max) {
        add(fmt::format("#/groups/{}", std::string_view(member.key())),
            "'min' must not be above 'max'");
      }
    }
    return out;
  }

  split::WeightedGroups read_weights(const json::object& groups) {
    split::WeightedGroups out;
    double sum = 0;
    bool whole = true;
    for (const auto& member : groups) {
      const std::string name(member.key());
      const double weight = member.value().to_number<double>();
      if (name.empty()) add("#/groups/", "a group's name must not be empty");
      sum += weight;
      whole = whole && weight == std::floor(weight);
      out.weights.emplace_back(name, weight);
    }
    if (!whole && std::abs(sum - 1) > kShareTolerance) {
      add("#/groups", fmt::format("the shares sum to {:.6g}; make them sum to 1, or give whole "
                                  "numbers that sum to the number of rows",
                                  sum));
    }
    return out;
  }

  std::vector<std::string> read_names(std::string_view field) {
    const json::value* list = given(field);
    if (list == nullptr) return {};
    std::vector<std::string> names = texts_of(*list);
    check_unique(names, fmt::format("#/{}", field));
    return names;
  }

  void check_unique(const std::vector<std::string>& names, const std::string& pointer) {
    std::set<std::string_view> seen;
    for (std::size_t i = 0; i < names.size(); ++i) {
      if (seen.insert(names[i]).second) continue;
      add(fmt::format("{}/{}", pointer, i), fmt::format("'{}' is named twice", names[i]));
    }
  }

  // One column has one role.
  void check_roles(const split::Options& options) {
    std::map<std::string_view, std::string_view> role;
    if (options.id_column) role.emplace(*options.id_column, "id_column");
    const auto take = [&](const std::vector<std::string>& names, std::string_view field) {
      for (std::size_t i = 0; i < names.size(); ++i) {
        const auto [taken, fresh] = role.emplace(names[i], field);
        if (fresh || taken->second == field) continue;
        add(fmt::format("#/{}/{}", field, i),
            taken->second == "id_column"
                ? fmt::format("'{}' is the id column, which names rows and cannot be balanced",
                              names[i])
                : fmt::format("'{}' is among the {} too; a column has one role", names[i],
                              taken->second));
      }
    };
    take(options.columns, "columns");
    take(options.strata, "strata");
    take(options.categories, "categories");
  }

  const json::object& document_;
  const PlaceChecks& checks_;
  Errors& errors_;
};

// The member as a name of an object or a prefix, in a bucket that may be used.
template <typename Name>
std::optional<Name> read_name(const json::object& document, std::string_view field,
                              const std::function<Result<void>(const Name&)>& check,
                              Errors& errors) {
  const json::value* member = document.if_contains(field);
  if (member == nullptr || !member->is_string() || member->as_string().empty()) return std::nullopt;
  auto name = Name::parse(std::string_view(member->as_string()));
  if (!name) {
    errors.push_back({fmt::format("#/{}", field), name.error().text()});
    return std::nullopt;
  }
  if (auto ok = check(*name); !ok) {
    errors.push_back({fmt::format("#/{}", field), ok.error().text()});
  }
  return *std::move(name);
}

json::value to_json(const split::Groups& groups) {
  if (const auto* equal = std::get_if<split::EqualGroups>(&groups)) return equal->count;
  if (const auto* named = std::get_if<split::NamedGroups>(&groups)) {
    return json::array(named->names.begin(), named->names.end());
  }
  json::object out;
  if (const auto* ranged = std::get_if<split::RangedGroups>(&groups)) {
    for (const auto& range : ranged->ranges) {
      out[range.name] = json::object{{"min", range.min}, {"max", range.max}};
    }
    return out;
  }
  for (const auto& [name, weight] : std::get<split::WeightedGroups>(groups).weights) {
    out[name] = weight;
  }
  return out;
}

json::array to_json(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

json::value sets_to_json(const std::vector<std::vector<std::string>>& sets) {
  json::array out;
  for (const auto& set : sets) out.push_back(to_json(set));
  return out;
}

json::value to_json(const split::PanelOptions& panel) {
  json::object out{{"unit", panel.unit}, {"time", panel.time}, {"value", panel.value}};
  const auto period = [&](std::string_view name, const split::PanelOptions::Period& asked) {
    if (const auto* count = std::get_if<std::size_t>(&asked)) out[name] = *count;
    if (const auto* ends = std::get_if<std::pair<std::string, std::string>>(&asked)) {
      out[name] = json::array{ends->first, ends->second};
    }
  };
  period("pre", panel.pre);
  period("holdout", panel.holdout);
  if (panel.lags) out["lags"] = *panel.lags;
  if (panel.duration) out["duration"] = *panel.duration;
  if (panel.control) out["control"] = *panel.control;
  out["placebos"] = panel.placebos;
  return out;
}

void add_constraints(json::object& out, const split::Constraints& constraints) {
  json::object fixed;
  for (const auto& [unit, group] : constraints.fixed) fixed[unit] = group;
  if (!fixed.empty()) out["fixed"] = std::move(fixed);
  json::object allowed;
  for (const auto& [unit, groups] : constraints.allowed) allowed[unit] = to_json(groups);
  if (!allowed.empty()) out["allowed"] = std::move(allowed);
  if (!constraints.exclude.empty()) out["exclude"] = to_json(constraints.exclude);
  if (!constraints.together.empty()) out["together"] = sets_to_json(constraints.together);
  if (constraints.together_column) out["together"] = *constraints.together_column;
  if (!constraints.apart.empty()) out["apart"] = sets_to_json(constraints.apart);
  if (constraints.apart_column) {
    out["apart"] =
        json::object{{"column", *constraints.apart_column}, {"at_most", constraints.apart_most}};
  }
  if (constraints.volume_column) {
    json::object shares;
    for (const auto& share : constraints.volume_shares) {
      shares[share.group] = json::array{share.min, share.max};
    }
    out["volume"] =
        json::object{{"column", *constraints.volume_column}, {"shares", std::move(shares)}};
  }
}

json::object to_json(const SplitTask& task) {
  const split::Options& options = task.options;
  const split::ReadOptions& reading = task.reading;
  const auto list = [](const std::vector<std::string>& names) {
    return json::array(names.begin(), names.end());
  };
  json::object out{
      {"groups", to_json(options.groups)},
      {"columns", list(options.columns)},
      {"strata", list(options.strata)},
      {"categories", list(options.categories)},
      {"missing", split::to_string(options.missing)},
      {"objective", split::to_string(options.objective)},
      {"method", split::to_string(options.method)},
      {"patience", options.patience},
      {"budget_seconds", std::chrono::duration<double>(options.budget).count()},
      {"seed", options.seed},
      {"na_values", list(reading.na_values)},
  };
  if (task.panel) out["panel"] = to_json(*task.panel);
  if (options.moments != split::Options().moments) out["moments"] = options.moments;
  if (options.correlations) out["correlations"] = true;
  if (options.distance_matrix) out["distance_matrix"] = true;
  add_constraints(out, options.constraints);
  if (!options.weights.empty()) {
    json::object weights;
    for (const auto& [name, weight] : options.weights) weights[name] = weight;
    out["weights"] = std::move(weights);
  }
  if (!options.transforms.empty()) {
    json::object transforms;
    for (const auto& [name, transform] : options.transforms) {
      transforms[name] = split::to_string(transform);
    }
    out["transform"] = std::move(transforms);
  }
  if (options.start_column) out["start_column"] = *options.start_column;
  if (!task.assignment_columns.empty()) {
    out["assignment_columns"] = to_json(task.assignment_columns);
  }
  if (task.workbook) out["assignment_format"] = "xlsx";
  if (options.designs > 0) {
    out["designs"] = options.designs;
    out["tolerance"] = options.tolerance;
  }
  if (options.id_column) out["id_column"] = *options.id_column;
  if (options.restarts) out["restarts"] = *options.restarts;
  if (reading.encoding) out["encoding"] = *reading.encoding;
  const auto character = [&](std::string_view name, const std::optional<char>& value) {
    if (value) out[name] = *value == '\0' ? "none" : std::string(1, *value);
  };
  character("delimiter", reading.delimiter);
  character("decimal", reading.decimal);
  character("thousands", reading.thousands);
  if (reading.percent) {
    out["percent"] = *reading.percent == split::Percent::kFraction ? "fraction" : "points";
  }
  if (reading.sheet) out["sheet"] = *reading.sheet;
  return out;
}

}  // namespace

std::optional<SplitTask> parse_split_task(const json::value& document, Errors& errors) {
  for (auto& error : task_schema().check(document)) errors.push_back(std::move(error));
  if (!errors.empty()) return std::nullopt;
  return Reader(document.as_object(), any_place(), errors).read_task();
}

std::optional<SplitRequest> parse_split_request(const json::value& document,
                                                const PlaceChecks& checks, Errors& errors) {
  const std::size_t before = errors.size();
  for (auto& error : split_schema().check(document)) errors.push_back(std::move(error));
  const bool shaped = errors.size() == before;
  const json::object* object = document.if_object();
  if (object == nullptr) return std::nullopt;
  // Looked at in a document of the wrong shape too, so that every problem is listed at once.
  auto source = read_name<objects::ObjectName>(*object, "source", checks.source, errors);
  auto destination =
      read_name<objects::ObjectPrefix>(*object, "destination", checks.destination, errors);
  if (!shaped) return std::nullopt;
  return Reader(*object, checks, errors).read(std::move(source), std::move(destination));
}

std::string to_payload(const SplitRequest& request) {
  // The source first, for people who look at a job.
  json::object out{{"source", request.source.to_string()}};
  for (auto& member : to_json(request.task)) out.insert(std::move(member));
  out["destination"] = request.destination.to_string();
  return json::serialize(out);
}

Result<SplitRequest> from_payload(const std::string& payload) {
  boost::system::error_code bad;
  const json::value document = json::parse(payload, bad);
  Errors errors;
  if (bad) {
    errors.push_back({"#", "is not JSON"});
  } else if (auto request = parse_split_request(document, any_place(), errors)) {
    return *std::move(request);
  }
  return fail(ErrorCode::kInvalidArgument, "the job's request is not understood: {} {}",
              errors.front().pointer, errors.front().detail);
}

}  // namespace saola::split_task
