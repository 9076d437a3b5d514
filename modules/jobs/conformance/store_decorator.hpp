// A store that passes every call on: for tests that override some.
#pragma once

#include <saola/jobs/store.hpp>

namespace saola::jobs {

class StoreDecorator : public Store {
 public:
  explicit StoreDecorator(Store& inner) : inner_(inner) {}

  Result<Enqueued> enqueue(const NewJob& job, Deadline d) override {
    return inner_.enqueue(job, d);
  }
  Result<std::vector<Job>> claim(const ClaimRequest& request, Deadline d) override {
    return inner_.claim(request, d);
  }
  Result<std::vector<LeaseState>> renew(std::span<const LeaseToken> tokens, Micros lease,
                                        Deadline d) override {
    return inner_.renew(tokens, lease, d);
  }
  Result<std::vector<LeaseState>> lease_states(std::span<const LeaseToken> tokens,
                                               Deadline d) override {
    return inner_.lease_states(tokens, d);
  }
  Result<void> set_progress(const LeaseToken& token, const Progress& p, Deadline d) override {
    return inner_.set_progress(token, p, d);
  }
  Result<void> set_checkpoint(const LeaseToken& token, std::string_view bytes,
                              Deadline d) override {
    return inner_.set_checkpoint(token, bytes, d);
  }
  Result<void> complete(const LeaseToken& token, std::string_view result, Deadline d) override {
    return inner_.complete(token, result, d);
  }
  Result<void> fail(const LeaseToken& token, const FailRequest& request, Deadline d) override {
    return inner_.fail(token, request, d);
  }
  Result<void> snooze(const LeaseToken& token, Micros delay, Deadline d) override {
    return inner_.snooze(token, delay, d);
  }
  Result<void> requeue(const LeaseToken& token, Deadline d) override {
    return inner_.requeue(token, d);
  }
  Result<void> confirm_cancelled(const LeaseToken& token, Deadline d) override {
    return inner_.confirm_cancelled(token, d);
  }
  Result<Job> cancel(std::string_view id, Deadline d) override { return inner_.cancel(id, d); }
  Result<Job> retry(std::string_view id, Deadline d) override { return inner_.retry(id, d); }
  Result<Job> get(std::string_view id, Deadline d) override { return inner_.get(id, d); }
  Result<Page> list(const ListRequest& request, Deadline d) override {
    return inner_.list(request, d);
  }
  Result<std::map<State, std::size_t>> counts(Deadline d) override { return inner_.counts(d); }
  Result<QueueStatus> queue_status(std::string_view queue, Deadline d) override {
    return inner_.queue_status(queue, d);
  }
  Result<QueuePosition> position(std::string_view id, Deadline d) override {
    return inner_.position(id, d);
  }
  Result<StoreUsage> usage(Deadline d) override { return inner_.usage(d); }
  Result<std::size_t> release_owner(std::string_view owner, Deadline d) override {
    return inner_.release_owner(owner, d);
  }
  Result<std::vector<LeaseSeen>> leases(Deadline d) override { return inner_.leases(d); }
  Result<std::size_t> take_back(std::span<const LeaseSeen> leases, Deadline d) override {
    return inner_.take_back(leases, d);
  }
  Result<void> probe(Deadline d) override { return inner_.probe(d); }
  Result<std::size_t> promote_due(Deadline d) override { return inner_.promote_due(d); }
  Result<std::size_t> prune(const Retention& retention, Deadline d) override {
    return inner_.prune(retention, d);
  }
  Result<std::vector<Job>> prunable(const Retention& retention, const EndOfJob& after,
                                    Deadline d) override {
    return inner_.prunable(retention, after, d);
  }
  Result<std::size_t> erase(std::span<const Job> jobs, Deadline d) override {
    return inner_.erase(jobs, d);
  }
  std::uint64_t work_mark() override { return inner_.work_mark(); }
  bool wait_for_work(std::uint64_t mark, Deadline d, std::stop_token stop) override {
    return inner_.wait_for_work(mark, d, std::move(stop));
  }

 private:
  Store& inner_;
};

}  // namespace saola::jobs
