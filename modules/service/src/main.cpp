// The command line of a service.
#include <cstdio>
#include <cstring>

#include <fmt/core.h>

#include <saola/command_line/parse.hpp>
#include <saola/jobs_client/commands.hpp>
#include <saola/server/control.hpp>
#include <saola/server/token.hpp>

#include "backup_command.hpp"
#include "service_impl.hpp"

namespace saola {

void Service::command(std::string word, std::string doc,
                      std::function<int(int argc, char** argv)> run) {
  impl_->check_open(fmt::format("The command '{}'", word));
  impl_->commands[std::move(word)] = {std::move(doc), std::move(run)};
}

int Service::Impl::help() const {
  std::string out = fmt::format("usage: {} [COMMAND] [ARGUMENTS]\n\n", name);
  if (!options.description.empty()) out += options.description + "\n\n";
  for (const auto& [word, command] : commands) out += fmt::format("  {:<8}{}\n", word, command.doc);
  out +=
      fmt::format("\nWithout a command it serves. {} COMMAND --help says more about each.\n", name);
  std::fputs(out.c_str(), stdout);
  return server::kExitOk;
}

int Service::main(int argc, char** argv) {
  Impl& impl = *impl_;
  const auto add = [&](const char* word, const char* doc, std::function<int(int, char**)> run) {
    impl.commands.try_emplace(word, Impl::Command{doc, std::move(run)});
  };
  const auto serve = [&](int count, char** words) {
    impl.finish();
    server::ServerDefinition definition = impl.definition();
    definition.command = fmt::format("{} serve", impl.name);
    return server::run(definition, count, words);
  };
  add("serve", "run the service until it is told to stop", serve);
  add("ctl", "talk to the running service through its control socket",
      [&](int count, char** words) { return server::run_ctl(impl.name, count, words); });
  add("token", "make an API token",
      [&](int count, char** words) { return server::run_token(impl.name, count, words); });
  if (!impl.tasks.empty()) {
    add("submit", "start a job and wait for its end",
        [&](int count, char** words) { return jobs_client::run_submit(impl.name, count, words); });
    add("backup", "copy the job store while the service runs", service::run_backup);
    add("restore", "put a copy in the job store's place", service::run_restore);
    add("jobs", "list jobs, show, watch, cancel and retry one",
        [&](int count, char** words) { return jobs_client::run_jobs(impl.name, count, words); });
  }

  const std::string_view word = argc > 1 ? argv[1] : "";
  if (word == "--help" || word == "-h" || word == "help") return impl.help();
  if (word.empty() || word.starts_with('-')) return serve(argc, argv);
  const auto found = impl.commands.find(std::string(word));
  if (found != impl.commands.end()) return found->second.run(argc - 1, argv + 1);
  std::vector<std::string> words;
  for (const auto& [known, command] : impl.commands) words.push_back(known);
  return command_line::unknown_command(impl.name, word, words);
}

}  // namespace saola
