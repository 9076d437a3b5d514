#include "process/shared_state.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <thread>

#include <gtest/gtest.h>

namespace saola::server {
namespace {

TEST(SharedState, IsSeenByAnotherProcess) {
  observe::MetricTable table;
  const observe::CounterId id = table.counter("x_total", "X.");
  const auto state = SharedState::create(table, 4);
  ASSERT_TRUE(state);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto same = SharedState::attach(unique_fd(::dup(state->fd())), table, 4);
    if (!same) ::_exit(1);
    same->slot(2).why_not_ready.write("no disk");
    same->slot(2).beat();
    same->metrics().counter(id, 2).add(3);
    ::_exit(0);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(state->slot(2).why_not_ready.read(), "no disk");
  EXPECT_LT(state->slot(2).since_beat(), std::chrono::seconds(60));
  EXPECT_EQ(state->metrics().value(id), 3u);
}

TEST(SharedState, RefusesAnotherLayout) {
  observe::MetricTable table;
  const auto state = SharedState::create(table, 4);
  for (int i = 0; i < 20; ++i) table.counter("x" + std::to_string(i), "X.");
  EXPECT_FALSE(SharedState::attach(unique_fd(::dup(state->fd())), table, 4));
}

TEST(SharedText, ReadersSeeWholeTexts) {
  SharedText text{};
  const std::string long_a(SharedText::kCapacity * 2, 'a');
  const std::string long_b(SharedText::kCapacity * 2, 'b');
  text.write(long_a);
  EXPECT_EQ(text.read(), std::string(SharedText::kCapacity - 1, 'a'));
  std::jthread writer([&](std::stop_token end) {
    while (!end.stop_requested()) {
      text.write(long_a);
      text.write(long_b);
    }
  });
  int whole = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string seen = text.read();
    if (seen.find_first_not_of(seen[0]) == std::string::npos) ++whole;
  }
  EXPECT_EQ(whole, 20'000);
}

}  // namespace
}  // namespace saola::server
