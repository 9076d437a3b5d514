#include "task/request.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>

#include <boost/json.hpp>
#include <fmt/core.h>

namespace saola::split_service {
namespace {

namespace json = boost::json;
using web::Required;
using web::Schema;
using Errors = std::vector<http::FieldError>;

// Shares that differ from 1 in sum by this much are taken for rounding, as split does.
constexpr double kShareTolerance = 0.001 + 1e-9;
constexpr double kMaxGroups = 1'000'000;
constexpr double kMaxRestarts = 1'000'000;
// Of lists: columns, strata, group names.
constexpr double kMaxNames = 10'000;

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

// Collects what is wrong beyond the shape. REQUIRES: the document has the schema's shape.
class Reader {
 public:
  Reader(const json::object& document, Errors& errors) : document_(document), errors_(errors) {}

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
    parse("missing", split::parse_missing, options.missing);
    parse("objective", split::parse_objective, options.objective);
    parse("method", split::parse_method, options.method);
    if (given("restarts")) options.restarts = static_cast<std::size_t>(number("restarts", 1));
    options.patience = static_cast<std::size_t>(
        number("patience", static_cast<double>(split::Options().patience)));
    options.budget = std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(number("budget_seconds", kDefaultBudgetSeconds)));
    if (const json::value* seed = given("seed")) options.seed = seed->to_number<std::uint64_t>();
    return options;
  }

  // Where the results go unless the request says so.
  std::optional<objects::ObjectPrefix> beside(const objects::ObjectName& source) {
    auto prefix = objects::ObjectPrefix::parse(
        fmt::format("s3://{}/{}out/", source.bucket(), folder_of(source.key())));
    if (prefix) return *std::move(prefix);
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
    if (groups.is_object()) return read_weights(groups.as_object());
    return split::EqualGroups{groups.to_number<std::size_t>()};
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
  Errors& errors_;
};

// The member as a name of an object or a prefix, in a bucket that may be used.
template <typename Name>
std::optional<Name> read_name(const json::object& document, std::string_view field,
                              const BucketCheck& check_bucket, Errors& errors) {
  const json::value* member = document.if_contains(field);
  if (member == nullptr || !member->is_string() || member->as_string().empty()) return std::nullopt;
  auto name = Name::parse(std::string_view(member->as_string()));
  if (!name) {
    errors.push_back({fmt::format("#/{}", field), name.error().text()});
    return std::nullopt;
  }
  if (auto ok = check_bucket(name->bucket()); !ok) {
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
  for (const auto& [name, weight] : std::get<split::WeightedGroups>(groups).weights) {
    out[name] = weight;
  }
  return out;
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

Schema names(std::string doc) {
  return Schema::array(Schema::string().min(1)).max(kMaxNames).or_null().doc(std::move(doc));
}

std::vector<Schema::Field> reading_fields() {
  return {
      {"encoding", Schema::string().min(1).max(64).or_null().doc(
                       "utf-8, utf-16, latin-1, cp1252 or another. Default: found out")},
      {"delimiter", Schema::string().min(1).max(9).or_null().doc(
                        "comma, semicolon, tab, pipe, space or a character. Default: found out")},
      {"decimal",
       Schema::string().one_of({".", ",", "point", "comma"}).or_null().doc("Default: found out")},
      {"thousands",
       Schema::string().max(10).or_null().doc(
           "What separates thousands: ',', '.', 'space', 'apostrophe' or 'none'. Default: found "
           "out")},
      {"percent", Schema::string()
                      .one_of({"fraction", "points"})
                      .or_null()
                      .doc("Whether 4% is 0.04 or 4. Default: fraction where all have a sign")},
      {"na_values", Schema::array(Schema::string().max(256))
                        .max(1000)
                        .or_null()
                        .doc("Texts that mean no value, beside an empty cell, NA, NaN, null, …")},
      {"sheet", Schema::string().min(1).max(256).or_null().doc(
                    "Of an Excel workbook. Default: the first with cells")},
  };
}

std::vector<Schema::Field> option_fields() {
  return {
      {"groups",
       Schema::either({
           Schema::integer().min(2).max(kMaxGroups).doc("That many groups named 1, 2, …"),
           Schema::array(Schema::string().min(1).max(256))
               .min(2)
               .max(kMaxNames)
               .doc("Names of groups of equal size"),
           Schema::map(Schema::number().above(0))
               .min(2)
               .max(kMaxNames)
               .doc("Name and share (they sum to 1), or name and size (they sum to the rows)"),
       }),
       Required::kYes},
      {"id_column",
       Schema::string().min(1).or_null().doc("The column that names each row. Default: the first")},
      {"columns", names("The numeric columns to balance. Default: all of them")},
      {"strata", names("Categorical columns whose values are spread evenly. Default: none")},
      {"categories", names("Categorical columns that enter the objective. Default: none")},
      {"missing", Schema::string()
                      .one_of({"fail", "drop_rows", "mean", "median", "indicator"})
                      .or_null()
                      .doc("What to do with rows that miss a value. Default: fail, naming them")},
      {"objective", Schema::string()
                        .one_of({"diversity", "average-diversity", "variance", "kplus"})
                        .or_null()
                        .doc("What alike means. Default: kplus (equal means and spreads)")},
      {"method", Schema::string()
                     .one_of({"exchange", "local-maximum", "search"})
                     .or_null()
                     .doc("How hard to try. Default: search")},
      {"restarts", Schema::integer()
                       .min(1)
                       .max(kMaxRestarts)
                       .or_null()
                       .doc("Independent runs; the best is kept. Default: until 'patience' of them "
                            "in a row found nothing better")},
      {"patience", Schema::integer()
                       .min(1)
                       .max(kMaxRestarts)
                       .or_null()
                       .doc("Runs without a better answer that end the search. Default: 100")},
      {"budget_seconds",
       Schema::number()
           .min(0)
           .max(kMaxBudgetSeconds)
           .or_null()
           .doc("Time for the split, after which the best so far is the answer; 0: no limit. "
                "Default: 60")},
      {"seed", Schema::integer().min(0).or_null().doc(
                   "The same seed and request give the same answer, unless the budget cut the "
                   "search. Default: 1")},
  };
}

std::vector<Schema::Field> joined(std::initializer_list<std::vector<Schema::Field>> parts) {
  std::vector<Schema::Field> out;
  for (const auto& part : parts) out.insert(out.end(), part.begin(), part.end());
  return out;
}

}  // namespace

const Schema& split_schema() {
  static const Schema schema = Schema::object(joined({
      {{"source",
        Schema::string().min(1).doc(
            "The table: s3://bucket/key of a CSV file or an Excel workbook, "
            "plain or compressed with gzip or zstd. The bucket must be "
            "configured in the server."),
        Required::kYes}},
      option_fields(),
      reading_fields(),
      {{"destination",
        Schema::string().min(1).or_null().doc(
            "s3://bucket/prefix/ for the results. Default: out/ beside the source")}},
  }));
  return schema;
}

const Schema& task_schema() {
  static const Schema schema = Schema::object(joined({option_fields(), reading_fields()}));
  return schema;
}

std::optional<SplitTask> parse_split_task(const json::value& document, Errors& errors) {
  for (auto& error : task_schema().check(document)) errors.push_back(std::move(error));
  if (!errors.empty()) return std::nullopt;
  return Reader(document.as_object(), errors).read_task();
}

std::optional<SplitRequest> parse_split_request(const json::value& document,
                                                const BucketCheck& check_bucket, Errors& errors) {
  const std::size_t before = errors.size();
  for (auto& error : split_schema().check(document)) errors.push_back(std::move(error));
  const bool shaped = errors.size() == before;
  const json::object* object = document.if_object();
  if (object == nullptr) return std::nullopt;
  // Looked at in a document of the wrong shape too, so that all is told at once.
  auto source = read_name<objects::ObjectName>(*object, "source", check_bucket, errors);
  auto destination = read_name<objects::ObjectPrefix>(*object, "destination", check_bucket, errors);
  if (!shaped) return std::nullopt;
  return Reader(*object, errors).read(std::move(source), std::move(destination));
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
  } else if (auto request = parse_split_request(
                 document, [](std::string_view) { return Result<void>(); }, errors)) {
    return *std::move(request);
  }
  return fail(ErrorCode::kInvalidArgument, "the job's request is not understood: {} {}",
              errors.front().pointer, errors.front().detail);
}

}  // namespace saola::split_service
