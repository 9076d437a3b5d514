#include "process/child_boot.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstring>

#include <boost/json.hpp>

#include <saola/base/open_files.hpp>

namespace saola::server {
namespace json = boost::json;
namespace {

json::object settings_json(const Settings& settings) {
  json::object out;
  for (const auto& [key, value] : settings.values()) {
    json::array tables;
    for (const NamedTable& table : value.tables) {
      json::object fields;
      for (const auto& [field, text] : table.fields) fields[field] = text;
      tables.push_back({{"name", table.name}, {"origin", table.origin}, {"fields", fields}});
    }
    out[key] = {
        {"texts", json::value_from(value.texts)}, {"tables", tables}, {"origin", value.origin}};
  }
  return out;
}

std::string text_of(const json::value& value) {
  return std::string(value.as_string());
}

Settings settings_from(const json::object& object) {
  Settings settings;
  for (const auto& [key, stored] : object) {
    Settings::Value value;
    for (const json::value& text : stored.at("texts").as_array()) {
      value.texts.push_back(text_of(text));
    }
    for (const json::value& table : stored.at("tables").as_array()) {
      NamedTable named{text_of(table.at("name")), {}, text_of(table.at("origin"))};
      for (const auto& [field, text] : table.at("fields").as_object()) {
        named.fields[std::string(field)] = text_of(text);
      }
      value.tables.push_back(std::move(named));
    }
    value.origin = text_of(stored.at("origin"));
    settings.set(std::string(key), std::move(value));
  }
  return settings;
}

json::object credentials_json(const Credentials& credentials) {
  json::array tokens;
  for (const Token& token : credentials.tokens) tokens.emplace_back(token.line());
  return {{"asks_who", credentials.asks_who},
          {"tokens", std::move(tokens)},
          {"session_keys", json::value_from(credentials.session_keys)}};
}

Credentials credentials_from(const json::value& value) {
  Credentials out{.asks_who = value.at("asks_who").as_bool(), .tokens = {}, .session_keys = {}};
  for (const json::value& line : value.at("tokens").as_array()) {
    out.tokens.push_back(*Token::parse(text_of(line)));
  }
  for (const json::value& key : value.at("session_keys").as_array()) {
    out.session_keys.push_back(text_of(key));
  }
  return out;
}

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (const std::string& text : texts) out.push_back(const_cast<char*>(text.c_str()));
  out.push_back(nullptr);
  return out;
}

}  // namespace

Result<unique_fd> write_boot(const ChildBoot& boot) {
  json::array listeners;
  for (const BootListener& listener : boot.listeners) {
    listeners.push_back({{"fd", listener.fd}, {"where", listener.where}});
  }
  const std::string text = json::serialize(json::object{
      {"role", static_cast<int>(boot.role)},
      {"number", boot.number},
      {"identity", boot.identity},
      {"arbiter", boot.arbiter},
      {"settings", settings_json(boot.settings)},
      {"credentials", credentials_json(boot.credentials)},
      {"listeners", listeners},
      {"slot", boot.slot},
      {"slots", boot.slots},
      {"state_fd", boot.state_fd},
      {"channel_fd", boot.channel_fd},
  });
  unique_fd fd(::memfd_create("saola-boot", MFD_CLOEXEC));
  if (!fd) return fail(errno_error(errno, "memfd_create"));
  if (::write(fd.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    return fail(errno_error(errno, "write to a memfd"));
  }
  return fd;
}

Result<ChildBoot> read_boot(int fd) {
  const unique_fd owner(fd);
  const off_t size = ::lseek(fd, 0, SEEK_END);
  std::string text(static_cast<std::size_t>(std::max<off_t>(size, 0)), '\0');
  if (size <= 0 || ::pread(fd, text.data(), text.size(), 0) != size) {
    return fail(ErrorCode::kInternal, "{} does not name a descriptor from an arbiter",
                kChildVariable);
  }
  try {
    const json::value value = json::parse(text);
    ChildBoot boot;
    boot.role = static_cast<Role>(value.at("role").to_number<int>());
    boot.number = value.at("number").to_number<unsigned>();
    boot.identity = text_of(value.at("identity"));
    boot.arbiter = value.at("arbiter").to_number<pid_t>();
    boot.settings = settings_from(value.at("settings").as_object());
    boot.credentials = credentials_from(value.at("credentials"));
    for (const json::value& listener : value.at("listeners").as_array()) {
      boot.listeners.push_back({listener.at("fd").to_number<int>(), text_of(listener.at("where"))});
    }
    boot.slot = value.at("slot").to_number<std::size_t>();
    boot.slots = value.at("slots").to_number<std::size_t>();
    boot.state_fd = value.at("state_fd").to_number<int>();
    boot.channel_fd = value.at("channel_fd").to_number<int>();
    return boot;
  } catch (const std::exception& error) {
    return fail(ErrorCode::kInternal, "the arbiter's message to its child cannot be read: {}",
                error.what());
  }
}

Result<pid_t> spawn_program(const std::string& path, const std::vector<std::string>& arguments,
                            const std::vector<std::string>& environment,
                            const std::vector<int>& keep) {
  // Everything that allocates happens before the fork.
  const std::vector<char*> argv = pointers(arguments);
  const std::vector<char*> envp = pointers(environment);
  const pid_t pid = ::fork();
  if (pid < 0) return fail(errno_error(errno, "fork"));
  if (pid > 0) return pid;
  for (int fd : keep) ::fcntl(fd, F_SETFD, 0);
  for (const int signal : {SIGPIPE, SIGXFSZ}) ::signal(signal, SIG_DFL);
  restore_open_files_limit(0);
  ::execve(path.c_str(), argv.data(), envp.data());
  static constexpr char kText[] = "saola: cannot start the program's file again\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, kText, sizeof kText - 1);
  ::_exit(kCannotStart);
}

std::vector<std::string> environment_texts() {
  std::vector<std::string> out;
  for (char** variable = environ; *variable != nullptr; ++variable) out.emplace_back(*variable);
  return out;
}

}  // namespace saola::server
