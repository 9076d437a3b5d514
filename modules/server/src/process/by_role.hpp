// The roles whose processes the arbiter keeps running, and tables by them.
#pragma once

#include <array>

#include <saola/base/check.hpp>
#include <saola/server/server.hpp>

namespace saola::server {

// A report (Role::kReport) is started for one question and is not among them.
inline constexpr std::array kSupervisedRoles{Role::kWeb, Role::kTask, Role::kManagement};

// One T for each supervised role. REQUIRES of []: the role is one of them.
template <typename T>
class ByRole {
 public:
  T& operator[](Role role) { return all_[index(role)]; }
  const T& operator[](Role role) const { return all_[index(role)]; }
  auto begin() { return all_.begin(); }
  auto end() { return all_.end(); }

 private:
  static std::size_t index(Role role) {
    const auto place = static_cast<std::size_t>(role);
    SAOLA_CHECK(place < kSupervisedRoles.size(), "only supervised roles have an entry");
    return place;
  }
  std::array<T, kSupervisedRoles.size()> all_{};
};

}  // namespace saola::server
