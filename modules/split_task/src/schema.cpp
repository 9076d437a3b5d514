// The shape of a request; request.cpp reads what has it.
#include <saola/split_task/request.hpp>

namespace saola::split_task {
namespace {

using web::Required;
using web::Schema;

constexpr double kMaxGroups = 1'000'000;
constexpr double kMaxRestarts = 1'000'000;
// Of units named one by one.
constexpr double kMaxUnits = 1'000'000;
constexpr double kMaxSize = 4'000'000'000;
// Of lists: columns, strata, group names.
constexpr double kMaxNames = 10'000;

Schema names(std::string doc) {
  return Schema::array(Schema::string().min(1)).max(kMaxNames).or_null().doc(std::move(doc));
}

Schema unit_sets() {
  return Schema::array(Schema::array(Schema::string().min(1)).min(2).max(kMaxUnits)).max(kMaxUnits);
}

// So many times, or the first and the last.
Schema period(std::string_view doc) {
  return Schema::either({Schema::integer().min(1).max(kMaxSize).doc("So many times"),
                         Schema::array(Schema::string().min(1))
                             .min(2)
                             .max(2)
                             .doc("The first and the last time, both within")})
      .or_null()
      .doc(std::string(doc));
}

Schema panel_schema() {
  return Schema::object(
             {{"unit", Schema::string().min(1).doc("The column that names the unit"),
               Required::kYes},
              {"time", Schema::string().min(1).doc("The column of dates, or of numbers that count"),
               Required::kYes},
              {"value", Schema::string().min(1).doc("The column of what is measured"),
               Required::kYes},
              {"pre", period("What the split is made from. Default: all before the hold-out")},
              {"holdout", period("What the split is judged by, unseen. Default: the last fifth")},
              {"lags", Schema::integer().min(0).max(kMaxNames).or_null().doc(
                           "Last times of the pre-period that are balanced one by one, beside its "
                           "mean. Default: all, at most 28")},
              {"duration", Schema::integer().min(1).max(kMaxSize).or_null().doc(
                               "Times the test will run. Default: those of the hold-out")},
              {"control",
               Schema::string().min(1).or_null().doc(
                   "The group the others are compared with. Default: 'control', else the "
                   "largest")},
              {"placebos", Schema::integer().min(1).max(100'000).or_null().doc(
                               "Placebo splits for the power. Default: 1000")}})
      .or_null()
      .doc(
          "The table has one row a unit and time: it is brought to one row a unit, split by the "
          "pre-period, and judged as a geo test in the hold-out");
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
           Schema::map(
               Schema::object({{"min", Schema::integer().min(1).max(kMaxSize), Required::kYes},
                               {"max", Schema::integer().min(1).max(kMaxSize), Required::kYes}}))
               .min(2)
               .max(kMaxNames)
               .doc("Name and the least and most rows"),
       }),
       Required::kYes},
      {"panel", panel_schema()},
      {"id_column",
       Schema::string().min(1).or_null().doc("The column that names each row. Default: the first")},
      {"columns", names("The numeric columns to balance. Default: all of them")},
      {"strata", names("Categorical columns whose values are spread evenly. Default: none")},
      {"categories", names("Categorical columns that enter the objective. Default: none")},
      {"weights", Schema::map(Schema::number().above(0))
                      .max(kMaxNames)
                      .or_null()
                      .doc("Balanced columns that count more or less than 1")},
      {"transform", Schema::map(Schema::string().one_of({"standardise", "log", "rank"}))
                        .max(kMaxNames)
                        .or_null()
                        .doc("How a numeric column enters the objective. Default: standardise")},
      {"fixed", Schema::map(Schema::string().min(1))
                    .max(kMaxUnits)
                    .or_null()
                    .doc("Unit and the group it must be in")},
      {"allowed", Schema::map(Schema::array(Schema::string().min(1)).min(1).max(kMaxNames))
                      .max(kMaxUnits)
                      .or_null()
                      .doc("Unit and the groups it may be in")},
      {"exclude", Schema::array(Schema::string().min(1))
                      .max(kMaxUnits)
                      .or_null()
                      .doc("Units that get no group")},
      {"together",
       Schema::either({unit_sets().doc("Sets of units that must be in one group"),
                       Schema::string().min(1).doc("A column: equal values stay together")})
           .or_null()},
      {"apart",
       Schema::either({unit_sets().doc("Sets of units of which no two may be in one group"),
                       Schema::string().min(1).doc("A column: equal values are kept apart"),
                       Schema::object({{"column", Schema::string().min(1), Required::kYes},
                                       {"at_most", Schema::integer().min(1).max(kMaxSize)}})
                           .doc("At most so many of equal values in a group")})
           .or_null()},
      {"volume",
       Schema::object({{"column", Schema::string().min(1), Required::kYes},
                       {"shares",
                        Schema::map(Schema::array(Schema::number().min(0).max(1)).min(2).max(2))
                            .min(1)
                            .max(kMaxNames),
                        Required::kYes}})
           .or_null()
           .doc("Least and most share of a column's sum a group may have")},
      {"start_column",
       Schema::string().min(1).or_null().doc("A column with the group of each unit to start from")},
      {"missing", Schema::string()
                      .one_of({"fail", "drop_rows", "mean", "median", "indicator"})
                      .or_null()
                      .doc("What to do with rows that miss a value. Default: fail, naming them")},
      {"objective", Schema::string()
                        .one_of({"diversity", "average-diversity", "variance", "kplus",
                                 "dispersion", "bicriterion"})
                        .or_null()
                        .doc("What alike means: kplus: equal means and spreads; variance: equal "
                             "means; diversity: large distances within groups; dispersion: the "
                             "smallest of them large; bicriterion: both. Default: kplus")},
      {"distance_matrix",
       Schema::boolean().or_null().doc(
           "The table is a matrix of distances: columns named like the rows' ids. For diversity, "
           "dispersion and bicriterion. Default: false")},
      {"moments", Schema::integer().min(1).max(10).or_null().doc(
                      "Of kplus: powers of the columns that are made equal; 3 adds skewness, 4 "
                      "kurtosis. Default: 2")},
      {"correlations", Schema::boolean().or_null().doc(
                           "Of kplus: make the columns' correlations equal too. Default: false")},
      {"method", Schema::string()
                     .one_of({"exchange", "local-maximum", "search", "three-phase"})
                     .or_null()
                     .doc("How hard to try. Default: search")},
      {"restarts",
       Schema::integer()
           .min(1)
           .max(kMaxRestarts)
           .or_null()
           .doc("Independent runs; the best is kept. Default: until the work of 'patience' "
                "usual runs found nothing better")},
      {"patience",
       Schema::integer()
           .min(1)
           .max(kMaxRestarts)
           .or_null()
           .doc("The search ends when the work of so many usual runs found nothing better. "
                "Default: 100")},
      {"designs",
       Schema::integer().min(2).max(10'000).or_null().doc(
           "Draw one of so many good answers, which are written too. Default: the best")},
      {"tolerance", Schema::number().min(0).max(1).or_null().doc(
                        "What a good answer may lose of the best one's gain over a random split. "
                        "Default: 0.05")},
      {"budget_seconds",
       Schema::number()
           .min(0)
           .max(kMaxBudgetSeconds)
           .or_null()
           .doc("Time for the split, after which the best so far is the answer; 0: no limit. "
                "Default: 60")},
      {"assignment_columns", names("Columns of the table that the assignment carries along")},
      {"assignment_format",
       Schema::string().one_of({"csv", "xlsx"}).or_null().doc("Of the assignment. Default: csv")},
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

}  // namespace saola::split_task
