// The service from outside: the real program, spoken to over HTTP.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <saola/base/unique_fd.hpp>
#include <saola/server/control.hpp>

#include "service_process.hpp"

namespace saola::split_service {
namespace {

namespace json = boost::json;
using testing::AnyOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// A job that computes for `seconds` and then is completed.
json::value long_split(double seconds) {
  return {{"source", "s3://samples/breast_cancer.csv"},
          {"groups", 2},
          {"restarts", 1'000'000},
          {"budget_seconds", seconds}};
}

std::string submit(ApiClient& client, const json::value& request) {
  const auto accepted = client.post("/split", request);
  if (!accepted) throw std::runtime_error(accepted.error().message());
  return std::string(accepted->at("id").as_string());
}

std::string state_of(ApiClient& client, const std::string& id) {
  const auto job = client.get("/jobs/" + id);
  return job ? std::string(job->at("state").as_string()) : job.error().message();
}

json::value wait_for(ApiClient& client, const std::string& id) {
  const auto job = client.watch(id, {.see = [](const json::value&) {}});
  if (!job) throw std::runtime_error(job.error().message());
  return *job;
}

TEST(Service, APriorityGoesFirstAndATimeLimitEndsTheAttempt) {
  Service service({"--queues=default", "--queues=bulk", "--task-workers=1"});
  service.start();
  ApiClient client(service.url());
  const std::string url = "--url=" + service.url();
  const std::string first = submit(client, long_split(0.5));
  const auto start = [&](const std::vector<std::string>& flags) {
    std::vector<std::string> all{"submit", url, "s3://samples/us_states.csv",
                                 "-g",     "2", "--no-wait"};
    all.insert(all.end(), flags.begin(), flags.end());
    const auto done = run_cli(all);
    EXPECT_EQ(done.status, 0) << done.err;
    return done.out.substr(0, done.out.find('\n'));
  };
  const std::string last = start({"--budget", "0.1"});
  const std::string bulk =
      start({"--budget", "60", "--restarts", "1000000", "--patience", "1000000", "--queue", "bulk",
             "--priority", "5", "--timeout", "0.5"});
  const json::value limited = *client.get("/jobs/" + bulk);
  EXPECT_EQ(limited.at("queue"), "bulk");
  EXPECT_EQ(limited.at("timeout_seconds"), 0.5);
  json::value begun;
  ASSERT_TRUE(eventually([&] {
    begun = *client.get("/jobs/" + bulk);
    return begun.at("attempt") != 0;
  }));
  ASSERT_TRUE(eventually([&] { return state_of(client, bulk) == "retryable"; }));
  EXPECT_THAT(json::serialize(*client.get("/jobs/" + bulk)), HasSubstr("time limit of 0.5 s"));
  EXPECT_EQ(wait_for(client, first).at("state"), "completed");
  const json::value waited = wait_for(client, last);
  EXPECT_LT(begun.at("started_at").as_string(), waited.at("started_at").as_string())
      << "the larger priority goes first";
  const auto refused =
      run_cli({"submit", url, "s3://samples/us_states.csv", "-g", "2", "--queue", "no"});
  EXPECT_EQ(refused.status, 2);
  EXPECT_THAT(refused.err, HasSubstr("default, bulk"));
  EXPECT_THAT(run_cli({"jobs", "show", url, bulk}).out, HasSubstr("0.5 s an attempt"));
  EXPECT_THAT(run_cli({"jobs", "list", url, "--queue", "bulk"}).out, HasSubstr(bulk));
}

TEST(Service, SplitsTheStatesIntoMarkets) {
  Service service;
  service.start();
  ApiClient client(service.url());
  const std::string id = submit(client, {{"source", "s3://samples/us_states.csv"},
                                         {"id_column", "state"},
                                         {"groups", {{"test", 0.5}, {"control", 0.5}}},
                                         {"strata", {"region"}},
                                         {"objective", "kplus"},
                                         {"method", "exchange"},
                                         {"restarts", 10},
                                         {"budget_seconds", 30},
                                         {"seed", 1},
                                         {"destination", "s3://samples/out/"}});
  double last = 0;
  int seen = 0;
  const auto job = client.watch(id, {.see = [&](const json::value& now) {
                                  ++seen;
                                  const double fraction =
                                      now.at("progress").at("fraction").to_number<double>();
                                  EXPECT_GE(fraction, last);
                                  last = fraction;
                                }});
  ASSERT_TRUE(job) << job.error().message();
  EXPECT_GE(seen, 1);
  ASSERT_EQ(job->at("state"), "completed") << json::serialize(*job);
  EXPECT_EQ(job->at("attempt"), 1);
  EXPECT_TRUE(job->at("error").is_null());
  const json::value& result = job->at("result");
  EXPECT_EQ(result.at("groups"), (json::object{{"test", 25}, {"control", 25}}));
  EXPECT_EQ(client.get("/jobs/" + id + "/result").value(), result);

  const std::string csv = service.get(result.at("assignment").as_string());
  EXPECT_THAT(csv, StartsWith("state,group\nAlabama,"));
  EXPECT_THAT(csv, HasSubstr("\nWisconsin,"));
  EXPECT_EQ(std::ranges::count(csv, '\n'), 51);
  EXPECT_THAT(service.get(result.at("report").as_string()), HasSubstr("\"smd_after\""));
  EXPECT_EQ(service.stop(), 0);
}

TEST(Service, AKilledTaskWorkersJobRunsAgainAndCompletesOnce) {
  Service service;
  service.start();
  ApiClient client(service.url());
  const std::string id = submit(client, long_split(2));
  ASSERT_TRUE(eventually([&] { return state_of(client, id) == "running"; }));
  const auto workers = service.workers("task");
  ASSERT_EQ(workers.size(), 1U);
  ASSERT_EQ(::kill(workers[0], SIGKILL), 0);
  const json::value job = wait_for(client, id);
  EXPECT_EQ(job.at("state"), "completed") << json::serialize(job);
  EXPECT_EQ(job.at("attempt"), 2);
  EXPECT_EQ(client.get("/jobs")->at("jobs").as_array().size(), 1U);
}

std::string host_name() {
  std::array<char, 256> name{};
  ::gethostname(name.data(), name.size() - 1);
  return name.data();
}

TEST(Service, AnswersNameNoMachineProcessOrFolder) {
  Service service;
  service.start();
  ApiClient client(service.url());
  const std::string id = submit(client, long_split(3));
  ASSERT_TRUE(eventually([&] { return state_of(client, id) == "running"; }));
  const pid_t worker = service.workers("task").at(0);
  ASSERT_EQ(::kill(worker, SIGKILL), 0);
  ASSERT_TRUE(eventually([&] {
    const auto job = client.get("/jobs/" + id);
    return job && job->at("attempt") == 2;
  }));
  const std::string interrupted = json::serialize(*client.get("/jobs/" + id));
  EXPECT_THAT(interrupted, HasSubstr("the worker that ran it died"));
  // The store is gone: readiness and a POST say so.
  std::filesystem::rename(service.folder() + "/state/jobs.db", service.folder() + "/away");
  std::string not_ready;
  EXPECT_TRUE(eventually([&] {
    const auto ready = client.get("/readyz");
    if (!ready) not_ready = ready.error().message();
    return !ready;
  }));
  EXPECT_THAT(not_ready, HasSubstr("job store"));
  const auto refused = client.post("/split", long_split(1));
  ASSERT_FALSE(refused);
  std::string boot;
  std::getline(std::ifstream("/proc/sys/kernel/random/boot_id"), boot);
  for (const std::string& text : {interrupted, not_ready, refused.error().message(),
                                  json::serialize(*client.get("/openapi.json"))}) {
    for (const std::string& secret :
         {host_name(), boot, service.folder(), std::to_string(worker), std::string("/state")}) {
      EXPECT_THAT(text, Not(HasSubstr(secret)));
    }
  }
}

TEST(Service, AKilledServerGoesOnAfterARestart) {
  Service service;
  service.start();
  std::string running;
  std::string waiting;
  {
    ApiClient client(service.url());
    running = submit(client, long_split(2));
    ASSERT_TRUE(eventually([&] { return state_of(client, running) == "running"; }));
    waiting = submit(client, {{"source", "s3://samples/us_states.csv"}, {"groups", 2}});
  }
  service.kill_all();
  service.start();
  ApiClient client(service.url());
  const json::value first = wait_for(client, running);
  EXPECT_EQ(first.at("state"), "completed") << json::serialize(first);
  EXPECT_EQ(first.at("attempt"), 2);
  const json::value second = wait_for(client, waiting);
  EXPECT_EQ(second.at("state"), "completed");
  EXPECT_EQ(second.at("attempt"), 1);
}

TEST(Service, AKilledWebWorkerIsReplaced) {
  Service service;
  service.start();
  ApiClient client(service.url());
  const std::string id = submit(client, long_split(1));
  const auto workers = service.workers("web");
  ASSERT_EQ(workers.size(), 1U);
  ASSERT_EQ(::kill(workers[0], SIGKILL), 0);
  ASSERT_TRUE(eventually([&] { return client.get("/readyz").has_value(); }));
  EXPECT_EQ(wait_for(client, id).at("state"), "completed");
}

// Somebody's sqlite3 shell in the middle of a transaction, say.
TEST(Service, IsNotReadyWhileItsStoreIsLocked) {
  Service service;
  service.start();
  ApiClient client(service.url());
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open((service.folder() + "/state/jobs.db").c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  std::string why;
  EXPECT_TRUE(eventually([&] {
    const auto ready = client.get("/readyz");
    if (!ready) why = ready.error().message();
    return !ready;
  }));
  EXPECT_THAT(why, HasSubstr("the job store cannot be written"));
  sqlite3_close(other);
  EXPECT_TRUE(eventually([&] { return client.get("/readyz").has_value(); }));
}

TEST(Service, ShowsItsJobsThroughTheControlSocket) {
  Service service({"--task-workers=1"});
  service.start();
  ApiClient client(service.url());
  const std::string id = submit(client, long_split(3600));
  ASSERT_TRUE(eventually([&] { return state_of(client, id) == "running"; }));
  const auto shown = server::control_request(service.folder() + "/state/control.sock",
                                             R"({"command":"show","what":"jobs"})",
                                             Deadline::after(std::chrono::seconds(20)));
  ASSERT_TRUE(shown) << shown.error().message();
  const json::value report = json::parse(*shown);
  EXPECT_EQ(report.at("counts").at("running"), 1);
  const json::value row = report.at("running").as_array().at(0);
  EXPECT_EQ(row.at("id"), json::string(id));
  EXPECT_EQ(row.at("worker"),
            json::string(fmt::format("task 1 pid {}", service.workers("task").at(0))));
}

TEST(Service, CancelsARunningJobAndRunsItAgain) {
  Service service;
  service.start();
  ApiClient client(service.url());
  const std::string id = submit(client, long_split(3600));
  ASSERT_TRUE(eventually([&] { return state_of(client, id) == "running"; }));
  ASSERT_TRUE(client.post("/jobs/" + id + "/cancel", nullptr));
  const json::value job = wait_for(client, id);
  EXPECT_EQ(job.at("state"), "cancelled");
  EXPECT_TRUE(job.at("result").is_null());
  EXPECT_EQ(client.get("/jobs/" + id + "/result").error().code(), ErrorCode::kConflict);
  ASSERT_TRUE(client.post("/jobs/" + id + "/retry", nullptr));
  ASSERT_TRUE(eventually([&] { return state_of(client, id) == "running"; }));
  ASSERT_TRUE(client.post("/jobs/" + id + "/cancel", nullptr));
  EXPECT_EQ(wait_for(client, id).at("state"), "cancelled");
}

struct BadTable {
  const char* key;
  std::string bytes;
  const char* says;
};

TEST(Service, InputThatCannotBeSplitIsDiscardedWithTheReason) {
  Service service;
  service.start();
  ApiClient client(service.url());
  const std::vector<BadTable> tables = {
      {"empty.csv", "", "empty"},
      {"one.csv", "id,x\na,1\n", "one row"},
      {"nan.csv", "id,x\na,1\nb,NaN\nc,3\n", "row 2"},
      {"few.csv", "id,x\na,1\nb,2\n", "3 groups asked for, but the table has 2 rows"},
      {"binary.csv", std::string("\x7F\x45LF\0\1\2\xFF\xFE\0\0", 11), "binary.csv"},
  };
  for (const BadTable& table : tables) {
    service.put(table.key, table.bytes);
    const std::string id =
        submit(client, {{"source", std::string("s3://samples/") + table.key}, {"groups", 3}});
    const json::value job = wait_for(client, id);
    EXPECT_EQ(job.at("state"), "discarded") << table.key;
    EXPECT_EQ(job.at("attempt"), 1) << table.key;
    EXPECT_THAT(std::string(job.at("error").as_string()), HasSubstr(table.says));
  }
  const std::string missing =
      submit(client, {{"source", "s3://samples/nothing.csv"}, {"groups", 2}});
  EXPECT_THAT(std::string(wait_for(client, missing).at("error").as_string()),
              HasSubstr("s3://samples/nothing.csv"));
  service.put("constant.csv", "id,x,c\na,1,5\nb,2,5\nc,3,5\nd,4,5\n");
  const std::string constant =
      submit(client, {{"source", "s3://samples/constant.csv"}, {"groups", 2}});
  EXPECT_EQ(wait_for(client, constant).at("state"), "completed");
}

TEST(Service, AnUnreachableS3IsTriedAgain) {
  const TempFolder folder;
  const std::string config = folder.path() + "/saola.toml";
  std::ofstream(config) << "[buckets.samples]\nendpoint = \"http://127.0.0.1:1\"\n"
                           "access_key_id = \"k\"\nsecret_access_key = \"s\"\n"
                           "writable = true\nattempts = 3\npart_size = 5242880\n";
  Service service({"--config=" + config});
  service.start();
  ApiClient client(service.url());
  const std::string id = submit(client, {{"source", "s3://samples/a.csv"}, {"groups", 2}});
  json::value job;
  ASSERT_TRUE(eventually([&] {
    job = client.get("/jobs/" + id).value_or(json::object());
    return job.as_object().contains("error") && job.at("error").is_string();
  })) << json::serialize(job);
  EXPECT_THAT(std::string(job.at("error").as_string()), HasSubstr("127.0.0.1:1"));
  EXPECT_THAT(state_of(client, id), AnyOf("retryable", "available", "running"));
}

TEST(Service, AFullStoreRefusesAndLosesNothing) {
  Service service({"--store-max-bytes=300K", "--task-workers=0"});
  service.start();
  ApiClient client(service.url());
  std::vector<std::string> ids;
  std::optional<Error> refused;
  for (int i = 0; i < 3000 && !refused; ++i) {
    const auto accepted =
        client.post("/split", {{"source", "s3://samples/us_states.csv"}, {"groups", 2}});
    if (accepted) {
      ids.emplace_back(accepted->at("id").as_string());
    } else {
      refused = accepted.error();
    }
  }
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->code(), ErrorCode::kUnavailable);
  EXPECT_THAT(refused->message(), HasSubstr("space"));
  ASSERT_FALSE(ids.empty());
  EXPECT_TRUE(client.get("/healthz"));
  for (const std::string& id : ids) EXPECT_EQ(state_of(client, id), "available");
}

TEST(Service, AHeaderOf10MegabytesHarmsNobody) {
  Service service;
  service.start();
  const unique_fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(service.port()));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::connect(socket.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  std::string request = "GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Long: ";
  request.append(10 << 20, 'x');
  for (std::size_t sent = 0; sent < request.size();) {
    const ssize_t n =
        ::send(socket.get(), request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) break;  // refused before the end, as it should be
    sent += static_cast<std::size_t>(n);
  }
  std::string answer(4096, '\0');
  const ssize_t n = ::recv(socket.get(), answer.data(), answer.size(), 0);
  // The answer, or a reset because it had nothing more to say to what came.
  if (n > 0) {
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 431"));
  }
  EXPECT_TRUE(ApiClient(service.url()).get("/readyz"));
}

TEST(Service, TheClientCommands) {
  Service service;
  service.start();
  const std::string url = "--url=" + service.url();
  const auto done = run_cli({"submit", url, "s3://samples/us_states.csv", "--groups",
                             "test=0.5,control=0.5", "--strata", "region"});
  EXPECT_EQ(done.status, 0) << done.err;
  EXPECT_THAT(done.out, HasSubstr("group test: 25 rows"));
  EXPECT_THAT(done.out, HasSubstr("illiteracy_pct"));
  EXPECT_THAT(done.err, HasSubstr("[####"));

  const auto submitted =
      run_cli({"submit", url, "--json", "--no-wait", "s3://samples/us_states.csv", "-g", "3"});
  EXPECT_EQ(submitted.status, 0) << submitted.err;
  const std::string id(json::parse(submitted.out).at("id").as_string());
  const auto watched = run_cli({"jobs", "watch", url, "--json", id});
  EXPECT_EQ(watched.status, 0) << watched.err;
  EXPECT_EQ(json::parse(watched.out).at("state"), "completed");
  const auto listed = run_cli({"jobs", "list", url, "--state", "completed"});
  EXPECT_EQ(listed.status, 0);
  EXPECT_THAT(listed.out, HasSubstr(id));
  EXPECT_THAT(run_cli({"jobs", "show", url, id}).out, HasSubstr("s3://samples/us_states.csv"));

  EXPECT_EQ(run_cli({"submit", url, "s3://samples/nothing.csv", "-g", "2"}).status, 6);
  const auto wrong = run_cli({"submit", url, "s3://other/x.csv", "-g", "1"});
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err, HasSubstr("#/source"));
  EXPECT_THAT(wrong.err, HasSubstr("#/groups"));
  EXPECT_EQ(run_cli({"jobs", "cancel", url, id}).status, 5);
  EXPECT_EQ(run_cli({"jobs", "show", url, "7"}).status, 4);
}

TEST(Client, SaysWhenNoServerIsThere) {
  const auto away = run_cli({"jobs", "list", "--url", "http://127.0.0.1:1"});
  EXPECT_EQ(away.status, 3);
  EXPECT_THAT(away.err, HasSubstr("http://127.0.0.1:1"));
  EXPECT_EQ(run_cli({"jobs", "watch", "x", "--url", "http://127.0.0.1:1"}).status, 3);
  EXPECT_EQ(run_cli({"jobs"}).status, 2);
  EXPECT_EQ(run_cli({"submit", "--sead", "1"}).status, 2);
  EXPECT_THAT(run_cli({"--version"}).out, HasSubstr("split-service 0."));
  EXPECT_EQ(run_cli({"--help"}).status, 0);
  EXPECT_THAT(run_cli({"serve", "--help"}).out, HasSubstr("--bucket"));
}

// A token of that role, its line added to the file.
std::string new_token(const std::string& file, const std::string& role) {
  const auto made = run_cli({"token", "new", role, "--role", role, "--file", file});
  EXPECT_EQ(made.status, 0) << made.err;
  return made.out.substr(0, made.out.find('\n'));
}

TEST(Service, ClientsShowTheirTokenAndMayDoWhatItsRoleSays) {
  const TempFolder folder;
  const std::string tokens = folder.path() + "/tokens";
  const std::string submitter = new_token(tokens, "submit");
  const std::string operator_token = new_token(tokens, "operate");
  Service service({"--auth-tokens-file", tokens});
  service.start();
  EXPECT_EQ(ApiClient(service.url()).get("/jobs").error().code(), ErrorCode::kUnauthenticated);
  ApiClient client(service.url(), submitter);
  const std::string id = submit(client, long_split(1));
  EXPECT_EQ(client.post("/jobs/" + id + "/cancel", nullptr).error().code(),
            ErrorCode::kPermissionDenied);
  std::ofstream(folder.path() + "/operator") << operator_token << '\n';
  EXPECT_EQ(run_cli({"jobs", "cancel", id, "--url", service.url(), "--token", submitter}).status,
            1);
  const auto cancelled = run_cli(
      {"jobs", "cancel", id, "--url", service.url(), "--token-file", folder.path() + "/operator"});
  EXPECT_EQ(cancelled.status, 0) << cancelled.err;
  EXPECT_EQ(service.stop(), 0);
}

TEST(Service, ALocalFileIsSplitByWhoMaySubmitAndReadByWhoMayRead) {
  const TempFolder folder;
  const std::string tokens = folder.path() + "/tokens";
  const std::string submitter = new_token(tokens, "submit");
  const std::string reader = new_token(tokens, "read");
  const std::string file = folder.path() + "/units.csv";
  std::ofstream(file) << "id,x\na,1\nb,2\nc,3\nd,4\n";
  Service service({"--auth-tokens-file", tokens});
  service.start();
  const auto submit_with = [&](const std::string& token, std::vector<std::string> more) {
    std::vector<std::string> line{"submit", file,          "-g",      "2",
                                  "--url",  service.url(), "--token", token};
    line.insert(line.end(), more.begin(), more.end());
    return run_cli(line);
  };
  const auto refused = submit_with(reader, {});
  EXPECT_EQ(refused.status, 1);
  EXPECT_THAT(refused.err, HasSubstr("this takes submit"));
  const auto checked = submit_with(submitter, {"--check"});
  EXPECT_EQ(checked.status, 0) << checked.err;
  EXPECT_THAT(checked.out, HasSubstr("4 rows"));
  const auto done = submit_with(submitter, {"--json"});
  ASSERT_EQ(done.status, 0) << done.err;
  const std::string report(json::parse(done.out).at("result").at("links").at("report").as_string());
  EXPECT_EQ(ApiClient(service.url()).get(report).error().code(), ErrorCode::kUnauthenticated);
  const auto read = ApiClient(service.url(), reader).get(report);
  ASSERT_TRUE(read) << read.error().message();
  EXPECT_EQ(read->at("format"), "saola.split.balance/1");
}

TEST(Service, OtherSitesAndOtherNamesReachNeitherUploadsNorChecks) {
  Service service;
  service.start();
  ApiClient client(service.url());
  for (const char* path : {"/uploads", "/split/check"}) {
    const auto foreign = client.post(path, json::object(), {"Origin: http://other.example"});
    EXPECT_EQ(foreign.error().code(), ErrorCode::kPermissionDenied) << path;
    EXPECT_THAT(foreign.error().message(), HasSubstr("A page of another site")) << path;
    const auto renamed = client.post(path, json::object(), {"Host: other.example"});
    EXPECT_THAT(renamed.error().message(), HasSubstr("does not answer for")) << path;
  }
}

}  // namespace
}  // namespace saola::split_service
