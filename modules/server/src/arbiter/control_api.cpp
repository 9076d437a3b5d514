#include "arbiter/control_api.hpp"

#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>

#include <boost/json.hpp>
#include <fmt/core.h>

#include <saola/base/log.hpp>

#include "access/sessions.hpp"
#include "control/control_answer.hpp"
#include "control/stall_json.hpp"
#include "control/task_json.hpp"

namespace saola::server {
namespace json = boost::json;
namespace {

double seconds(Duration duration) {
  return std::chrono::duration<double>(duration).count();
}

std::string answer_text(const Result<json::value>& result) {
  return control_answer(result ? Result<std::string>(json::serialize(*result)) : fail(result));
}

std::string text_field(const json::object& request, std::string_view name) {
  const json::value* field = request.if_contains({name.data(), name.size()});
  return field != nullptr && field->is_string() ? std::string(field->as_string()) : "";
}

}  // namespace

Result<void> ControlApi::open(const std::string& path) {
  auto opened = ControlServer::open(path);
  if (!opened) return fail(opened);
  socket_.emplace(std::move(*opened));
  return {};
}

void ControlApi::watch(std::vector<pollfd>& polled) const {
  jobs_.watch(polled);
  if (socket_) socket_->watch(polled);
}

void ControlApi::serve(const std::vector<pollfd>& polled) {
  if (!socket_) return;
  for (const ControlServer::Request& request : socket_->serve(polled)) answer_request(request);
  socket_->drop_idle(std::chrono::steady_clock::now());
}

void ControlApi::advance() {
  if (!socket_) return;
  questions_.advance(*socket_);
  jobs_.advance(*socket_);
}

void ControlApi::answer_request(const ControlServer::Request& request) {
  boost::system::error_code error;
  const json::value parsed = json::parse(request.line, error);
  Result<json::value> result;
  if (error || !parsed.is_object()) {
    result = fail(ErrorCode::kInvalidArgument, "a request is one JSON object in one line");
  } else if (const auto asked = ask_others(parsed.as_object(), request.client)) {
    if (*asked) return;
    result = fail(*asked);
  } else {
    result = command(parsed.as_object());
  }
  socket_->answer(request.client, answer_text(result));
}

std::optional<Result<void>> ControlApi::ask_others(const json::object& request,
                                                   ControlServer::ClientId client) {
  if (text_field(request, "command") != "show") return std::nullopt;
  const std::string what = text_field(request, "what");
  const std::string worker = text_field(request, "worker");
  if (what == "stacks") return questions_.ask(client, "stacks", worker);
  if (what == "tasks") {
    if (auto question = tasks_question(request); !question) {
      return fail(question);
    }
    return questions_.ask(client, "tasks " + json::serialize(request), worker);
  }
  if (what == "jobs") return jobs_.ask(client);
  return std::nullopt;
}

Result<json::value> ControlApi::command(const json::object& request) {
  const std::string verb = text_field(request, "command");
  if (verb == "show") {
    const std::string what = text_field(request, "what");
    json::value shown = show(what);
    if (!shown.is_null()) return shown;
    return fail(ErrorCode::kInvalidArgument,
                "cannot show '{}': there are workers, config, stats, listeners, jobs, stalls, "
                "stacks, tasks and events",
                what);
  }
  if (verb == "worker") {
    const std::string action = text_field(request, "action");
    const int wanted = server_.generations.newest().wanted[Role::kWeb];
    if (action == "add") {
      fleet_.set_wanted(Role::kWeb, wanted + 1);
    } else if (action == "remove") {
      if (wanted <= 1) {
        return fail(ErrorCode::kConflict, "the last web worker stays; WINCH or shutdown ends it");
      }
      fleet_.set_wanted(Role::kWeb, wanted - 1);
    } else if (action == "kill") {
      const json::value* pid = request.if_contains("pid");
      boost::system::error_code error;
      const auto number = pid == nullptr ? 0 : pid->to_number<pid_t>(error);
      if (auto killed = kill_worker(number); !killed) return fail(killed);
    } else {
      return fail(ErrorCode::kInvalidArgument, "worker takes add, remove or kill PID");
    }
    return json::object{{"web_workers", server_.generations.newest().wanted[Role::kWeb]}};
  }
  if (verb == "reload") {
    if (auto reloaded = actions_.reload(); !reloaded) return fail(reloaded);
    return json::object{{"reload", "started"}};
  }
  if (verb == "rotate-session-key") {
    const Settings& settings = server_.generations.current.settings;
    if (auto rotated = rotate_session_key(session_key_path(settings)); !rotated) {
      return fail(rotated);
    }
    if (auto reloaded = actions_.reload(); !reloaded) return fail(reloaded);
    return json::object{{"rotate-session-key", "done"}, {"reload", "started"}};
  }
  if (verb == "reopen") {
    actions_.reopen_logs();
    return json::object{{"reopen", "done"}};
  }
  if (verb == "shutdown") {
    const bool quick = text_field(request, "mode") == "quick";
    actions_.stop(quick ? Stopping::kQuick : Stopping::kGraceful);
    return json::object{{"shutdown", quick ? "quick" : "graceful"}};
  }
  return fail(
      ErrorCode::kInvalidArgument,
      "unknown command '{}': there are show, worker, reload, reopen, rotate-session-key and "
      "shutdown",
      verb);
}

Result<void> ControlApi::kill_worker(pid_t pid) {
  Child* child = fleet_.find(pid);
  if (child == nullptr) {
    return fail(ErrorCode::kNotFound,
                "process {} is no worker of this server; show workers lists them", pid);
  }
  fleet_.retire(*child, Leave::kDrain);
  return {};
}

json::value ControlApi::show(std::string_view what) {
  if (what == "workers") return show_workers();
  if (what == "config") return show_config();
  if (what == "stats") return show_stats();
  if (what == "listeners") return show_listeners();
  if (what == "stalls") return show_stalls();
  if (what == "events") {
    json::array out;
    for (const observe::Event& event : server_.events.since()) {
      out.push_back(json::object{
          {"time", format_rfc3339(event.time)}, {"kind", event.kind}, {"text", event.text}});
    }
    return out;
  }
  return nullptr;
}

json::value ControlApi::show_workers() {
  json::array out;
  const SteadyTime now = std::chrono::steady_clock::now();
  for (const auto& child : fleet_.children()) {
    const SlotState& slot = server_.state->slot(child->slot);
    const bool not_ready = slot.not_ready.load(std::memory_order_relaxed);
    out.push_back(json::object{
        {"role", to_string(child->role)},
        {"number", child->number},
        {"pid", child->pid},
        {"stage", child->hung ? "hung" : std::string(to_string(child->stage))},
        {"ready", child->stage == Stage::kServing && !not_ready},
        {"why_not_ready", not_ready ? slot.why_not_ready.read() : ""},
        {"generation", child->generation},
        {"age_seconds", seconds(now - child->started)},
        {"heartbeat_seconds", seconds(slot.since_beat())},
    });
  }
  return out;
}

json::value ControlApi::show_listeners() {
  json::array out;
  const auto add = [&](const Listener& listener, std::string_view use) {
    out.push_back(json::object{{"address", listener.where},
                               {"bind", listener.asked.to_string()},
                               {"use", use},
                               {"waiting", waiting_connections(listener.fd.get())},
                               {"backlog", backlog_of(listener.fd.get())}});
  };
  for (const auto& listener : server_.generations.current.listeners) add(*listener, "web");
  if (server_.generations.current.management)
    add(*server_.generations.current.management, "management");
  return out;
}

json::value ControlApi::show_config() {
  json::object values;
  for (const SettingRow& row : server_.table.rows()) {
    const Settings::Value& value = server_.generations.current.settings.values().at(row.key);
    json::value shown;
    if (row.secret && value.origin != "default") {
      shown = "…";
    } else if (row.type == SettingType::kTables) {
      json::object tables;
      for (const NamedTable& table : value.tables) {
        json::object fields;
        for (const SettingField& field : row.fields) {
          const std::string_view text = table.get(field.name);
          if (!text.empty()) fields[field.name] = field.secret ? "…" : text;
        }
        tables[table.name] = fields;
      }
      shown = tables;
    } else if (row.type == SettingType::kList) {
      shown = json::value_from(value.texts);
    } else {
      shown = value.texts[0];
    }
    values[row.key] = {{"value", shown}, {"origin", value.origin}};
  }
  return json::object{{"toml", server_.table.print(server_.generations.current.settings)},
                      {"values", values}};
}

json::value ControlApi::show_stats() {
  const observe::MetricBlock block = server_.state->metrics();
  json::object metrics;
  for (const observe::Family& family : server_.metric_table.families()) {
    for (std::size_t index : family.series) {
      std::string name = family.name;
      for (const auto& [label, text] : server_.metric_table.series()[index].labels) {
        name += fmt::format("{}{}={}", name.size() == family.name.size() ? "{" : ",", label, text);
      }
      if (name.size() > family.name.size()) name += '}';
      switch (family.kind) {
        case observe::MetricKind::kCounter:
          metrics[name] =
              static_cast<double>(block.value(observe::CounterId{index})) * family.scale;
          break;
        case observe::MetricKind::kGauge:
          metrics[name] = static_cast<double>(block.value(observe::GaugeId{index})) * family.scale;
          break;
        case observe::MetricKind::kHistogram: {
          const observe::HistogramValue value = block.value(observe::HistogramId{index});
          metrics[name + "_count"] = value.count;
          metrics[name + "_sum"] = static_cast<double>(value.sum) * family.scale;
          break;
        }
      }
    }
  }
  const auto workers = [&](Role role) {
    return fleet_.count(role, server_.generations.newest().number, true);
  };
  return json::object{
      {"name", server_.definition.name},
      {"version", server_.definition.version},
      {"pid", ::getpid()},
      {"uptime_seconds", seconds(std::chrono::steady_clock::now() - server_.started)},
      {"state", server_.stopping != Stopping::kNo || server_.stop_at ? "stopping"
                : server_.generations.pending                        ? "reloading"
                : server_.was_ready                                  ? "serving"
                                                                     : "starting"},
      {"generation", server_.generations.current.number},
      {"web_workers", workers(Role::kWeb)},
      {"web_workers_wanted", server_.generations.newest().wanted[Role::kWeb]},
      {"task_workers", workers(Role::kTask)},
      {"task_workers_wanted", server_.generations.newest().wanted[Role::kTask]},
      {"stalls", server_.stalls.total()},
      {"metrics", metrics}};
}

json::value ControlApi::show_stalls() {
  json::array out;
  for (const observe::StallEntry& entry : server_.stalls.entries()) {
    json::object stall = stall_to_json(entry.latest);
    stall["count"] = entry.count;
    stall["longest_ms"] = seconds(entry.longest) * 1e3;
    out.push_back(std::move(stall));
  }
  return out;
}

}  // namespace saola::server
