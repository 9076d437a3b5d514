#include "split_job.hpp"

#include <fstream>
#include <iterator>

#include <boost/json.hpp>
#include <fmt/core.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/objects/checksum.hpp>
#include <saola/objects/memory_store.hpp>
#include <saola/split/read.hpp>
#include <saola/split_task/request.hpp>

#include "kept_outcome.hpp"

namespace saola::split_service {

using namespace split_task;  // NOLINT(google-build-using-namespace): a program, not a library
namespace {

namespace json = boost::json;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kJobId = "0192f0c1-2345-7890-abcd-ef0123456789";

class FakeContext final : public jobs::JobContext {
 public:
  explicit FakeContext(std::string payload) {
    job_.id = kJobId;
    job_.kind = kSplitKind;
    job_.payload = std::move(payload);
    job_.attempt = 1;
  }
  const jobs::Job& job() const override { return job_; }
  std::stop_token stop_token() const override { return stop_.get_token(); }
  jobs::StopReason stop_reason() const override { return jobs::StopReason::kNone; }
  Deadline deadline() const override { return Deadline::never(); }
  void progress(double fraction, std::string_view message) override {
    EXPECT_GE(fraction, fraction_) << message;
    EXPECT_LE(fraction, 1);
    fraction_ = fraction;
    message_ = message;
    if (stop_at_ && fraction >= *stop_at_) stop_.request_stop();
  }
  Result<void> save_checkpoint(std::string_view bytes) override {
    checkpoint_ = bytes;
    return {};
  }

  jobs::Job& edit_job() { return job_; }
  const std::string& checkpoint() const { return checkpoint_; }

  void stop_at(double fraction) { stop_at_ = fraction; }
  double fraction() const { return fraction_; }
  const std::string& message() const { return message_; }

 private:
  jobs::Job job_;
  std::string checkpoint_;
  std::stop_source stop_;
  std::optional<double> stop_at_;
  double fraction_ = 0;
  std::string message_;
};

// An object store that is away.
class AwayStore final : public objects::ObjectStore {
 public:
  explicit AwayStore(ErrorCode code) : code_(code) {}
  Result<objects::ObjectInfo> stat(const objects::ObjectName&,
                                   const objects::CallOptions&) override {
    return no();
  }
  Result<objects::ObjectInfo> get(const objects::ObjectName&, const objects::ByteSink&,
                                  const objects::GetOptions&) override {
    return no();
  }
  Result<objects::ObjectInfo> put(const objects::ObjectName&, const objects::ByteSource&,
                                  const objects::CallOptions&) override {
    return no();
  }
  Result<void> remove(const objects::ObjectName&, const objects::CallOptions&) override {
    return no();
  }

 private:
  std::unexpected<Error> no() const { return fail(code_, "the store says no"); }
  const ErrorCode code_;
};

std::string sample(const std::string& name) {
  std::ifstream file(std::string(SAOLA_SOURCE_DIR) + "/examples/data/" + name, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

struct SplitJob : testing::Test {
  objects::MemoryStore store;

  void put(const std::string& key, std::string_view bytes) {
    const auto name = objects::ObjectName::make("samples", key).value();
    ASSERT_TRUE(store.put_bytes(name, bytes, {}));
  }
  std::string get(std::string_view name) {
    auto bytes = store.get_bytes(objects::ObjectName::parse(name).value(), 1 << 20, {});
    EXPECT_TRUE(bytes) << name;
    return bytes.value_or("");
  }
  // The request with source "s3://samples/t.csv" and two groups, and `more` members.
  static std::string request(const std::string& more = "") {
    return R"({"source": "s3://samples/t.csv", "groups": 2)" + more + "}";
  }
  jobs::Outcome run(const std::string& payload) {
    FakeContext context(payload);
    return run_split(context, store, real_clock());
  }
  std::string discarded(const std::string& payload) {
    const jobs::Outcome outcome = run(payload);
    EXPECT_TRUE(std::holds_alternative<jobs::Discard>(outcome)) << outcome.index();
    const auto* discard = std::get_if<jobs::Discard>(&outcome);
    return discard == nullptr ? "" : discard->error;
  }
};

TEST_F(SplitJob, SplitsTheStates) {
  put("data/us_states.csv", sample("us_states.csv"));
  FakeContext context(R"({"source": "s3://samples/data/us_states.csv", "strata": ["region"],
      "groups": {"test": 0.5, "control": 0.5}, "method": "local-maximum", "seed": 7})");
  const jobs::Outcome outcome = run_split(context, store, real_clock());
  ASSERT_TRUE(std::holds_alternative<jobs::Done>(outcome)) << outcome.index();
  const json::value result = json::parse(std::get<jobs::Done>(outcome).result);
  EXPECT_EQ(
      result.at("assignment"),
      json::value(fmt::format("s3://samples/data/out/us_states.{}.1.assignment.csv", kJobId)));
  EXPECT_EQ(result.at("report"),
            json::value(fmt::format("s3://samples/data/out/us_states.{}.1.report.json", kJobId)));
  EXPECT_EQ(result.at("groups"), (json::object{{"test", 25}, {"control", 25}}));
  EXPECT_TRUE(result.at("objective").is_number());
  EXPECT_TRUE(result.at("seconds").is_number());
  const json::array& balance = result.at("balance").as_array();
  ASSERT_EQ(balance.size(), 8U);
  EXPECT_EQ(balance[0].at("column"), "population_thousands");
  EXPECT_LT(balance[0].at("smd_after").as_double(), balance[0].at("smd_before").as_double());
  // Every column of the table is accounted for.
  ASSERT_EQ(result.at("columns").as_array().size(), 12U);
  EXPECT_EQ(result.at("columns").at(0), (json::object{{"column", "state"}, {"role", "id"}}));
  EXPECT_EQ(result.at("strata").at(0).at("count_gap_after"), 1);

  EXPECT_THAT(get(result.at("page").as_string()), StartsWith("<!doctype html>"));
  const std::string csv = get(result.at("assignment").as_string());
  EXPECT_THAT(csv, StartsWith("state,group\nAlabama,"));
  EXPECT_THAT(csv, HasSubstr("\nWyoming,"));
  EXPECT_EQ(std::ranges::count(csv, '\n'), 51);
  EXPECT_EQ(json::parse(get(result.at("report").as_string())).at("seed"), 7);
  EXPECT_EQ(context.fraction(), 1);
  EXPECT_EQ(context.message(), "done");

  EXPECT_EQ(result.at("assignment_sha256"), json::value(objects::sha256_hex(csv)));
  EXPECT_EQ(result.at("report_sha256"),
            json::value(objects::sha256_hex(get(result.at("report").as_string()))));
}

// An attempt that lost its lease may still write when the next one has completed.
TEST_F(SplitJob, AnotherAttemptWritesOtherObjects) {
  put("t.csv", "id,x\na,1\nb,2\n");
  FakeContext second(request());
  second.edit_job().attempt = 2;
  const auto outcome = run_split(second, store, real_clock());
  ASSERT_TRUE(std::holds_alternative<jobs::Done>(outcome));
  const std::string result = std::get<jobs::Done>(outcome).result;
  EXPECT_THAT(result, HasSubstr(fmt::format("t.{}.2.assignment.csv", kJobId)));
  EXPECT_THAT(result, HasSubstr(fmt::format("t.{}.2.report.json", kJobId)));
}

// A store that refuses to write from the given write on.
class Refusing final : public objects::ObjectStore {
 public:
  Refusing(objects::ObjectStore& inner, ErrorCode code, int from)
      : inner_(inner), code_(code), from_(from) {}
  Result<objects::ObjectInfo> stat(const objects::ObjectName& name,
                                   const objects::CallOptions& options) override {
    return inner_.stat(name, options);
  }
  Result<objects::ObjectInfo> get(const objects::ObjectName& name, const objects::ByteSink& sink,
                                  const objects::GetOptions& options) override {
    ++reads;
    return inner_.get(name, sink, options);
  }
  Result<objects::ObjectInfo> put(const objects::ObjectName& name,
                                  const objects::ByteSource& source,
                                  const objects::CallOptions& options) override {
    if (++writes_ >= from_) return fail(code_, "the store refuses");
    return inner_.put(name, source, options);
  }
  Result<void> remove(const objects::ObjectName& name,
                      const objects::CallOptions& options) override {
    return inner_.remove(name, options);
  }
  int reads = 0;

 private:
  objects::ObjectStore& inner_;
  const ErrorCode code_;
  const int from_;
  int writes_ = 0;
};

TEST_F(SplitJob, ADestinationThatRefusesIsFoundOutBeforeTheWork) {
  put("t.csv", "id,x\na,1\nb,2\n");
  Refusing denied(store, ErrorCode::kPermissionDenied, 1);
  FakeContext context(request());
  const auto outcome = run_split(context, denied, real_clock());
  ASSERT_TRUE(std::holds_alternative<jobs::Discard>(outcome));
  EXPECT_EQ(denied.reads, 0);
}

TEST_F(SplitJob, ResultsThatCannotBeWrittenAreKeptForTheNextAttempt) {
  put("t.csv", "id,x\na,1\nb,2\nc,3\nd,4\n");
  // The trial write works, then the token expires; after the assignment in the second round.
  for (const int from : {2, 3}) {
    Refusing expired(store, ErrorCode::kUnauthenticated, from);
    FakeContext first(request());
    const auto refused = run_split(first, expired, real_clock());
    ASSERT_TRUE(std::holds_alternative<jobs::Retry>(refused)) << from;
    ASSERT_FALSE(first.checkpoint().empty());
    // The source is gone by now: nothing is computed again.
    ASSERT_TRUE(store.remove(objects::ObjectName::parse("s3://samples/t.csv").value(), {}));
    FakeContext second(request());
    second.edit_job().attempt = 2;
    second.edit_job().checkpoint = first.checkpoint();
    const auto done = run_split(second, store, real_clock());
    ASSERT_TRUE(std::holds_alternative<jobs::Done>(done)) << from;
    const json::value result = json::parse(std::get<jobs::Done>(done).result);
    EXPECT_EQ(result.at("groups"), (json::object{{"1", 2}, {"2", 2}}));
    EXPECT_THAT(get(result.at("assignment").as_string()), StartsWith("id,group\na,"));
    put("t.csv", "id,x\na,1\nb,2\nc,3\nd,4\n");
  }
}

TEST_F(SplitJob, AResultOfManyGroupsIsNotTooLarge) {
  std::string table = "id,x\n";
  for (int i = 0; i < 80'000; ++i) table += fmt::format("r{},{}\n", i, i * 7919 % 10007);
  put("t.csv", table);
  const auto outcome = run(R"({"source": "s3://samples/t.csv", "groups": 40000,
                               "method": "exchange", "budget_seconds": 0.01})");
  ASSERT_TRUE(std::holds_alternative<jobs::Done>(outcome));
  const std::string result = std::get<jobs::Done>(outcome).result;
  EXPECT_LT(result.size(), 1U << 20);
  EXPECT_EQ(json::parse(result).at("groups_in_report_only"), true);
}

TEST(KeptOutcome, OtherBytesAreNone) {
  const KeptOutcome outcome{
      "{}", {{"assignment", ".csv", std::string("a\0b\xff\n", 5)}, {"report", ".json", ""}}};
  const std::string packed = pack(outcome);
  const auto back = unpack(packed);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->summary, "{}");
  ASSERT_EQ(back->files.size(), 2U);
  EXPECT_EQ(back->files[0].role, "assignment");
  EXPECT_EQ(back->files[0].bytes, outcome.files[0].bytes);
  EXPECT_EQ(back->files[1].ending, ".json");
  EXPECT_EQ(back->files[1].bytes, "");
  for (const std::string& other :
       {std::string(), std::string("SPLIT1"), std::string("SPLIT1 1 2\nx"),
        std::string("SPLIT1 1 a .b 99999999999999\nx"), "x" + packed,
        packed.substr(0, packed.size() - 1)}) {
    EXPECT_FALSE(unpack(other)) << other;
  }
}

TEST_F(SplitJob, NamesResultsAfterTheSource) {
  put("t.csv.gz", "id,x\na,1\nb,2\n");
  const jobs::Outcome outcome =
      run(R"({"source": "s3://samples/t.csv.gz", "groups": 2, "destination": "s3://samples/r"})");
  ASSERT_TRUE(std::holds_alternative<jobs::Done>(outcome));
  EXPECT_THAT(std::get<jobs::Done>(outcome).result,
              HasSubstr(fmt::format("s3://samples/r/t.{}.1.assignment.csv", kJobId)));
}

TEST_F(SplitJob, InputThatCannotBeSplitIsDiscardedWithTheReason) {
  EXPECT_THAT(discarded(request()), HasSubstr("t.csv"));  // not there
  put("t.csv", "");
  EXPECT_THAT(discarded(request()), HasSubstr("s3://samples/t.csv"));
  put("t.csv", "id,x\n");
  EXPECT_THAT(discarded(request()), HasSubstr("row"));
  put("t.csv", "id,x\na,1\n");
  EXPECT_THAT(discarded(request()), HasSubstr("one row"));
  put("t.csv", "id,x\na,1\nb,NaN\nc,3\n");
  EXPECT_THAT(discarded(request()), HasSubstr("row 2"));
  put("t.csv", "id,x\na,1\nb,2\n");
  EXPECT_THAT(discarded(R"({"source": "s3://samples/t.csv", "groups": 3})"),
              HasSubstr("3 groups asked for, but the table has 2 rows"));
  EXPECT_THAT(discarded(request(R"(, "columns": ["income"])")), HasSubstr("income"));
  put("t.csv", std::string("\x7F\x45LF\x02\x01\x00\x00\xFF", 9));
  EXPECT_THAT(discarded(request()), HasSubstr("s3://samples/t.csv"));
  put("t.csv", std::string("\x1F\x8B\x08\x00garbage", 11));
  EXPECT_THAT(discarded(request()), HasSubstr("s3://samples/t.csv"));
  EXPECT_THAT(discarded(R"({"groups": 3})"), HasSubstr("#/source"));
}

TEST_F(SplitJob, TheAssignmentMayCarryColumnsAndBeAWorkbook) {
  put("t.csv", "id,x,town\na,1,\"x, y\"\nb,2,=1+1\n");
  const auto csv = run(request(R"(, "assignment_columns": ["town"])"));
  ASSERT_TRUE(std::holds_alternative<jobs::Done>(csv));
  const json::value result = json::parse(std::get<jobs::Done>(csv).result);
  EXPECT_THAT(get(result.at("assignment").as_string()), StartsWith("id,group,town\na,"));
  EXPECT_THAT(get(result.at("assignment").as_string()), HasSubstr("\"x, y\"\n"));
  const auto workbook =
      run(request(R"(, "assignment_columns": ["town"], "assignment_format": "xlsx")"));
  ASSERT_TRUE(std::holds_alternative<jobs::Done>(workbook));
  const json::value other = json::parse(std::get<jobs::Done>(workbook).result);
  const auto table = split::read_table(get(other.at("assignment").as_string()));
  ASSERT_TRUE(table.has_value()) << table.error().message();
  EXPECT_EQ(table->cell(0, 2), "x, y");
  EXPECT_EQ(table->cell(1, 2), "=1+1");
  EXPECT_THAT(discarded(request(R"(, "assignment_columns": ["city"])")),
              HasSubstr("no column 'city'"));
}

TEST_F(SplitJob, AConstantColumnIsWarnedOf) {
  put("t.csv", "id,x,c\na,1,5\nb,2,5\nc,3,5\nd,4,5\n");
  const jobs::Outcome outcome = run(request());
  ASSERT_TRUE(std::holds_alternative<jobs::Done>(outcome));
  const json::value result = json::parse(std::get<jobs::Done>(outcome).result);
  ASSERT_EQ(result.at("warnings").as_array().size(), 1U);
  EXPECT_THAT(std::string(result.at("warnings").at(0).as_string()), HasSubstr("'c'"));
}

TEST_F(SplitJob, AStoreThatIsAwayIsTriedAgain) {
  for (const ErrorCode code : {ErrorCode::kUnavailable, ErrorCode::kTimedOut, ErrorCode::kConflict,
                               ErrorCode::kResourceExhausted}) {
    AwayStore away(code);
    FakeContext context(request());
    const jobs::Outcome outcome = run_split(context, away, real_clock());
    ASSERT_TRUE(std::holds_alternative<jobs::Retry>(outcome)) << to_string(code);
    EXPECT_EQ(std::get<jobs::Retry>(outcome).error, "the store says no");
  }
  AwayStore refusing(ErrorCode::kPermissionDenied);
  FakeContext context(request());
  EXPECT_TRUE(std::holds_alternative<jobs::Discard>(run_split(context, refusing, real_clock())));
}

TEST_F(SplitJob, StopsWhenAsked) {
  put("breast_cancer.csv", sample("breast_cancer.csv"));
  FakeContext context(R"({"source": "s3://samples/breast_cancer.csv", "groups": 2,
      "restarts": 100000, "budget_seconds": 0})");
  context.stop_at(0.15);
  EXPECT_TRUE(std::holds_alternative<jobs::Cancelled>(run_split(context, store, real_clock())));
}

TEST_F(SplitJob, ATableBeyondTheLimitsIsNeitherSplitNorChecked) {
  put("t.csv", "id,x\na,1\nb,2\nc,3\nd,4\n");
  SourceLimits large_source{.bytes = 5};
  SourceLimits large_table;
  large_table.table.bytes = 5;
  for (const SourceLimits& limits : {large_source, large_table}) {
    FakeContext split(request());
    EXPECT_TRUE(
        std::holds_alternative<jobs::Discard>(run_split(split, store, real_clock(), limits)));
    FakeContext check(request());
    EXPECT_TRUE(std::holds_alternative<jobs::Discard>(run_check(check, store, limits)));
  }
  FakeContext good(request());
  EXPECT_TRUE(std::holds_alternative<jobs::Done>(run_check(good, store)));
}

}  // namespace
}  // namespace saola::split_service
