// Every case of tests/corpus/http, whole and cut in every way.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "corpus/http/drive.hpp"

namespace saola {
namespace {

using corpus::Case;
using corpus::Drive;
using corpus::Outcome;

const http::Limits kLimits;

Outcome run(const std::vector<std::string_view>& pieces) {
  Drive drive(kLimits);
  for (std::string_view piece : pieces) {
    // A piece of its own, so that reading beyond its end is seen by the sanitizer.
    drive.feed(std::string(piece));
  }
  return drive.outcome();
}

// One test for all cases: a process for each would cost more than the cases do.
const std::vector<Case>& all_cases() {
  static const std::vector<Case> cases = corpus::load_all(SAOLA_SOURCE_DIR);
  return cases;
}

TEST(Corpus, NamesAClauseInEachOfManyCases) {
  EXPECT_GE(all_cases().size(), 250U);
  for (const Case& wanted : all_cases()) {
    EXPECT_TRUE(wanted.clause.starts_with("RFC ")) << wanted.name;
    EXPECT_EQ(wanted.refuse != 0, wanted.name.starts_with("invalid/")) << wanted.name;
  }
}

TEST(Corpus, WholeBytesGiveWhatTheCaseSays) {
  for (const Case& wanted : all_cases()) {
    SCOPED_TRACE(wanted.name);
    const Outcome got = run({wanted.bytes});
    EXPECT_EQ(got.refused, wanted.refuse) << got.reason;
    EXPECT_EQ(got.waiting, wanted.wait);
    EXPECT_EQ(got.exchanges.size(), wanted.exchanges.size());
    for (std::size_t i = 0; i < std::min(got.exchanges.size(), wanted.exchanges.size()); ++i) {
      const auto& is = got.exchanges[i];
      const auto& should = wanted.exchanges[i];
      EXPECT_EQ(is.line, should.line);
      EXPECT_EQ(is.body, should.body);
      EXPECT_EQ(is.trailers, should.trailers);
      EXPECT_EQ(is.keep_alive, should.keep_alive);
      EXPECT_EQ(is.path, should.path.value_or(*is.path));
      EXPECT_EQ(is.query, should.query.value_or(*is.query));
      EXPECT_EQ(is.host, should.host.value_or(*is.host));
      EXPECT_EQ(is.fields, should.fields.value_or(*is.fields));
    }
  }
}

TEST(Corpus, CuttingTheBytesAnywhereGivesTheSame) {
  for (const Case& wanted : all_cases()) {
    SCOPED_TRACE(wanted.name);
    const std::string_view bytes = wanted.bytes;
    const std::string whole = run({bytes}).describe();
    // Long cases repeat themselves: 300 cuts are enough there.
    const std::size_t step = 1 + bytes.size() / 300;
    for (std::size_t cut = 1; cut < bytes.size(); cut += step) {
      EXPECT_EQ(run({bytes.substr(0, cut), bytes.substr(cut)}).describe(), whole) << "at " << cut;
    }
    if (bytes.size() > 30000) continue;
    std::vector<std::string_view> single;
    for (std::size_t i = 0; i < bytes.size(); ++i) single.push_back(bytes.substr(i, 1));
    EXPECT_EQ(run(single).describe(), whole) << "byte by byte";
  }
}

}  // namespace
}  // namespace saola
