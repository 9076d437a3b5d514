#include "lease_watch.hpp"

#include <gmock/gmock.h>

namespace saola::jobs {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr Duration kGap = 5s;

class LeaseWatchTest : public testing::Test {
 protected:
  static LeaseSeen lease(std::string job, Time expires_at) {
    return {{std::move(job), 1, "w1"}, expires_at, 15s};
  }
  // Looks each second for `seconds`, and finds `leases` every time.
  void look_for(int seconds, const std::vector<LeaseSeen>& leases) {
    for (int i = 0; i < seconds; ++i) {
      now += 1s;
      watch.look(leases, now);
    }
  }

  LeaseWatch watch{kGap};
  SteadyTime now{1h};
  const Time wall{std::chrono::days(20'000)};
};

TEST_F(LeaseWatchTest, ALeaseExpiresWhenNobodyRenewsItForItsLength) {
  const std::vector leases{lease("a", wall)};
  look_for(8, leases);
  EXPECT_THAT(watch.overdue(now), IsEmpty());
  look_for(1, leases);
  EXPECT_THAT(watch.overdue(now), ElementsAre(leases[0]));
  look_for(6, leases);
  EXPECT_THAT(watch.expired(now), IsEmpty());
  look_for(1, leases);
  EXPECT_THAT(watch.expired(now), ElementsAre(leases[0]));
}

TEST_F(LeaseWatchTest, ARenewalBeginsTheWatchAnew) {
  look_for(14, {lease("a", wall)});
  look_for(15, {lease("a", wall + 1us)});
  EXPECT_THAT(watch.expired(now), IsEmpty());
}

TEST_F(LeaseWatchTest, WallClocksDoNotMatter) {
  const std::vector leases{lease("ahead", wall + 1h), lease("behind", wall - 1h)};
  look_for(15, leases);
  EXPECT_THAT(watch.expired(now), IsEmpty());
  look_for(1, leases);
  EXPECT_EQ(watch.expired(now).size(), 2u);
}

TEST_F(LeaseWatchTest, AGapBetweenLooksBeginsTheWatchAnew) {
  const std::vector leases{lease("a", wall)};
  look_for(15, leases);
  now += kGap;
  look_for(15, leases);
  EXPECT_THAT(watch.expired(now), IsEmpty());
}

TEST_F(LeaseWatchTest, AFailureBeginsTheWatchAnew) {
  const std::vector leases{lease("a", wall)};
  look_for(15, leases);
  watch.forget();
  look_for(15, leases);
  EXPECT_THAT(watch.expired(now), IsEmpty());
}

TEST_F(LeaseWatchTest, TheLeasesOfALostOwnerExpireTogether) {
  std::vector leases{lease("a", wall)};
  look_for(4, leases);
  leases.push_back(lease("b", wall));
  look_for(12, leases);
  EXPECT_THAT(watch.expired(now), IsEmpty()) << "b has not expired yet";
  look_for(4, leases);
  EXPECT_THAT(watch.expired(now), ElementsAre(leases[0], leases[1]));
}

TEST_F(LeaseWatchTest, ALeaseThatItsOwnerForgotExpiresWhileItRenewsOthers) {
  const LeaseSeen forgotten = lease("a", wall);
  for (int i = 0; i < 6; ++i) look_for(3, {forgotten, lease("b", wall + i * 3s)});
  EXPECT_THAT(watch.expired(now), ElementsAre(forgotten));
}

TEST_F(LeaseWatchTest, ALivingOwnerIsWatchedAnew) {
  const std::vector leases{lease("a", wall), lease("b", wall)};
  look_for(10, leases);
  watch.renewed(leases[0], now);
  look_for(6, leases);
  EXPECT_THAT(watch.expired(now), ElementsAre(leases[1]));
}

}  // namespace
}  // namespace saola::jobs
