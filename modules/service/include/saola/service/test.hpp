// ServiceTest: a service under test. Requests go to its routes without a socket; its jobs are in
// memory and run when the test says so, on the test's thread.
//
//   saola::Service service("splitter");
//   add_routes(service);
//   auto client = service.test_client();
//   auto answer = client.post("/split", {{"source", "s3://samples/t.csv"}});
//   EXPECT_EQ(answer.status, 202);
//   EXPECT_EQ(client.run_jobs(), 1);
//   EXPECT_EQ(client.get(std::string(answer.header("Location"))).json().at("state"), "completed");
#pragma once

#include <memory>
#include <string>

#include <saola/jobs/store.hpp>
#include <saola/objects/buckets.hpp>
#include <saola/service/service.hpp>
#include <saola/web/test_client.hpp>

namespace saola {

// Made by Service::test_client(), once for a service, which must outlive it. Its calls are those of
// web::TestClient and these.
class ServiceTest : public web::TestClient {
 public:
  ServiceTest(ServiceTest&&) = default;

  // Runs every job that is available, one after the other, those that they start too; how many
  // attempts that were. A job that failed waits for its next attempt (jobs::Store::promote_due()).
  int run_jobs();

  // Where the service's jobs are.
  jobs::Store& store();
  // Has no bucket until the test adds one:
  //   client.buckets().add("samples", std::make_unique<objects::MemoryStore>());
  objects::Buckets& buckets();

 private:
  friend class Service;
  explicit ServiceTest(Service::Impl& service);
  Service::Impl* service_;
};

}  // namespace saola
