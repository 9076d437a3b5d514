// Which leases have expired, seen from one observer: those that nobody renewed while it watched
// them for their whole length. It goes by its own steady clock, so that wall clocks need not agree.
#pragma once

#include <functional>
#include <map>
#include <string>
#include <vector>

#include <saola/base/time.hpp>
#include <saola/jobs/store.hpp>

namespace saola::jobs {

// For one thread.
//
// A lease that its owner could not renew must not be taken from it: while the store refused writes,
// or while this process, and so maybe the owner, stood still. So time counts only while the
// observer looked without a gap, and through the second half of a lease only while a write of its
// own went through at each look. After a gap or a failure every lease is watched anew.
class LeaseWatch {
 public:
  // Looks further apart than `gap` (steady time) count as a gap.
  explicit LeaseWatch(Duration gap) : gap_(gap) {}

  // Notes the leases there are at `now`.
  void look(const std::vector<LeaseSeen>& leases, SteadyTime now);
  // Leases that nobody has renewed for half their length or longer. Prove that the store takes
  // writes before the next look, or forget().
  std::vector<LeaseSeen> overdue(SteadyTime now) const;
  // Those that nobody has renewed for their whole length. While an owner has others that are overdue
  // but not as far, its leases are left alone: they expire together, so that whoever takes them
  // knows all that it ran when it was lost.
  std::vector<LeaseSeen> expired(SteadyTime now) const;
  // Its owner lives: it is watched anew.
  void renewed(const LeaseSeen& lease, SteadyTime now);
  // The store failed: all leases are watched anew.
  void forget() { watched_.clear(); }

 private:
  struct Watched {
    LeaseSeen lease;
    SteadyTime since;
  };
  std::vector<LeaseSeen> unchanged_for(SteadyTime now, int quarters) const;

  const Duration gap_;
  SteadyTime last_look_{};
  std::map<std::string, Watched> watched_;  // by id of the job
};

}  // namespace saola::jobs
