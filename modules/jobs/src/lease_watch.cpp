#include "lease_watch.hpp"

#include <utility>

namespace saola::jobs {

void LeaseWatch::look(const std::vector<LeaseSeen>& leases, SteadyTime now) {
  if (now - last_look_ > gap_) forget();
  last_look_ = now;
  std::map<std::string, Watched> watched;
  for (const LeaseSeen& lease : leases) {
    const auto known = watched_.find(lease.token.job_id);
    const bool unchanged = known != watched_.end() && known->second.lease == lease;
    watched.emplace(lease.token.job_id, Watched{lease, unchanged ? known->second.since : now});
  }
  watched_ = std::move(watched);
}

std::vector<LeaseSeen> LeaseWatch::unchanged_for(SteadyTime now, int quarters) const {
  std::vector<LeaseSeen> found;
  for (const auto& [id, watched] : watched_) {
    if (now - watched.since >= watched.lease.length * quarters / 4) found.push_back(watched.lease);
  }
  return found;
}

std::vector<LeaseSeen> LeaseWatch::overdue(SteadyTime now) const {
  return unchanged_for(now, 2);
}

std::vector<LeaseSeen> LeaseWatch::expired(SteadyTime now) const {
  std::vector<LeaseSeen> found = unchanged_for(now, 4);
  std::map<std::string, std::ptrdiff_t> not_as_far;  // by owner
  for (const LeaseSeen& lease : overdue(now)) ++not_as_far[lease.token.owner];
  for (const LeaseSeen& lease : found) --not_as_far[lease.token.owner];
  std::erase_if(found,
                [&](const LeaseSeen& lease) { return not_as_far.at(lease.token.owner) > 0; });
  return found;
}

void LeaseWatch::renewed(const LeaseSeen& lease, SteadyTime now) {
  const auto watched = watched_.find(lease.token.job_id);
  if (watched != watched_.end()) watched->second.since = now;
}

}  // namespace saola::jobs
