// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/container_text.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "base/time.h"
#include "cli/text.h"

namespace davit::cli {
namespace {

namespace api = ::davit::v1;
using nlohmann::json;

constexpr char kNever[] = "0001-01-01T00:00:00Z";  // Go's zero time, as in Docker

std::string TimeText(int64_t unix_nanoseconds) {
  return unix_nanoseconds == 0 ? kNever : FormatRfc3339Nano(unix_nanoseconds);
}

std::string ProtocolText(api::PortMapping::Protocol protocol) {
  switch (protocol) {
    case api::PortMapping::UDP:
      return "udp";
    case api::PortMapping::SCTP:
      return "sctp";
    default:
      return "tcp";
  }
}

std::string NetworkText(api::ContainerSpec::Network network) {
  switch (network) {
    case api::ContainerSpec::HOST:
      return "host";
    case api::ContainerSpec::NONE:
      return "none";
    default:
      return "bridge";
  }
}

std::string PolicyText(api::RestartPolicy::When when) {
  switch (when) {
    case api::RestartPolicy::ON_FAILURE:
      return "on-failure";
    case api::RestartPolicy::ALWAYS:
      return "always";
    case api::RestartPolicy::UNLESS_STOPPED:
      return "unless-stopped";
    default:
      return "no";
  }
}

template <typename Texts>
json ListOf(const Texts& texts) {
  return json(std::vector<std::string>(texts.begin(), texts.end()));
}

json LabelsOf(const api::ContainerSpec& spec) {
  json labels = json::object();
  for (const auto& [key, value] : spec.labels()) labels[key] = value;
  return labels;
}

json StateDocument(const api::ContainerState& state) {
  return {{"Status", StateWord(state.status())},
          {"Running", state.status() == api::ContainerState::RUNNING},
          {"Paused", false},
          {"Restarting", state.status() == api::ContainerState::RESTARTING},
          {"OOMKilled", state.oom_killed()},
          {"Dead", false},
          {"Pid", state.pid()},
          {"ExitCode", state.exit_code()},
          {"Error", state.error()},
          {"StartedAt", TimeText(state.started_at())},
          {"FinishedAt", TimeText(state.finished_at())}};
}

json PortBindings(const api::ContainerSpec& spec) {
  json bindings = json::object();
  for (const api::PortMapping& port : spec.ports()) {
    std::string key = std::to_string(port.container_port()) + "/" + ProtocolText(port.protocol());
    bindings[key].push_back({{"HostIp", port.host_ip()}, {"HostPort", std::to_string(port.host_port())}});
  }
  return bindings;
}

json HostDocument(const api::ContainerSpec& spec) {
  json binds = json::array();
  for (const api::BindMount& mount : spec.mounts())
    binds.push_back(mount.source() + ":" + mount.target() + (mount.read_only() ? ":ro" : ""));
  return {
      {"Binds", binds},
      {"NetworkMode", NetworkText(spec.network())},
      {"PortBindings", PortBindings(spec)},
      {"RestartPolicy",
       {{"Name", PolicyText(spec.restart().when())}, {"MaximumRetryCount", spec.restart().max_retries()}}},
      {"AutoRemove", spec.auto_remove()},
      {"CapAdd", ListOf(spec.cap_add())},
      {"CapDrop", ListOf(spec.cap_drop())},
      {"Privileged", spec.privileged()},
      {"ReadonlyRootfs", spec.read_only()},
      {"Memory", spec.memory_bytes()},
      {"NanoCpus", spec.nano_cpus()},
      {"PidsLimit", spec.pids_limit()}};
}

json MountsDocument(const api::ContainerSpec& spec) {
  json mounts = json::array();
  for (const api::BindMount& mount : spec.mounts()) {
    mounts.push_back({{"Type", "bind"},
                      {"Source", mount.source()},
                      {"Destination", mount.target()},
                      {"RW", !mount.read_only()}});
  }
  return mounts;
}

json ConfigDocument(const api::Container& container) {
  const api::ContainerSpec& spec = container.spec();
  return {{"Hostname", spec.hostname().empty() ? ShortId(container.id()) : spec.hostname()},
          {"User", spec.user()},
          {"Env", ListOf(spec.env())},
          {"Cmd", ListOf(spec.command())},
          {"Entrypoint", ListOf(spec.entrypoint())},
          {"Image", spec.image()},
          {"WorkingDir", spec.working_dir()},
          {"Labels", LabelsOf(spec)}};
}

json NetworkDocument(const api::Container& container) {
  json addresses = ListOf(container.state().addresses());
  std::string first = container.state().addresses().empty() ? "" : container.state().addresses(0);
  return {{"IPAddress", first}, {"Addresses", addresses}, {"Ports", PortBindings(container.spec())}};
}

std::string Ago(int64_t since, int64_t now) {
  return DurationText(now - since) + " ago";
}

}  // namespace

std::string StateWord(api::ContainerState::Status status) {
  switch (status) {
    case api::ContainerState::CREATED:
      return "created";
    case api::ContainerState::RUNNING:
      return "running";
    case api::ContainerState::RESTARTING:
      return "restarting";
    case api::ContainerState::EXITED:
      return "exited";
    case api::ContainerState::REMOVING:
      return "removing";
    default:
      return "unknown";
  }
}

std::string StatusText(const api::ContainerState& state, int64_t now) {
  std::string code = " (" + std::to_string(state.exit_code()) + ") ";
  switch (state.status()) {
    case api::ContainerState::RUNNING:
      return "Up " + DurationText(now - state.started_at());
    case api::ContainerState::RESTARTING:
      return "Restarting" + code + Ago(state.finished_at(), now);
    case api::ContainerState::EXITED:
      return "Exited" + code + Ago(state.finished_at(), now);
    case api::ContainerState::REMOVING:
      return "Removal In Progress";
    default:
      return "Created";
  }
}

std::string PortsText(const api::ContainerSpec& spec) {
  std::string text;
  auto add = [&text](const std::string& address, const api::PortMapping& port) {
    if (!text.empty()) text += ", ";
    text += address + ":" + std::to_string(port.host_port()) + "->" + std::to_string(port.container_port()) +
            "/" + ProtocolText(port.protocol());
  };
  for (const api::PortMapping& port : spec.ports()) {
    if (port.host_ip().empty()) {
      add("0.0.0.0", port);
      add("[::]", port);
    } else {
      add(port.host_ip().find(':') == std::string::npos ? port.host_ip() : "[" + port.host_ip() + "]", port);
    }
  }
  return text;
}

std::string CommandText(const api::Container& container, size_t most) {
  std::string text;
  for (const std::string& word : container.command_line()) text += (text.empty() ? "" : " ") + word;
  text = Printable(text);
  if (most > 0 && text.size() > most) {
    size_t end = most - 1;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0) == 0x80) --end;  // between characters
    text = text.substr(0, end) + "…";
  }
  return "\"" + text + "\"";
}

json InspectDocument(const api::Container& container) {
  std::string path = container.command_line().empty() ? "" : container.command_line(0);
  std::vector<std::string> args(container.command_line().begin(), container.command_line().end());
  if (!args.empty()) args.erase(args.begin());
  return {{"Id", container.id()},
          {"Created", TimeText(container.created_at())},
          {"Path", path},
          {"Args", args},
          {"State", StateDocument(container.state())},
          {"Image", container.image_id()},
          {"LogPath", container.log_path()},
          {"Name", "/" + container.name()},
          {"RestartCount", container.state().restart_count()},
          {"HostConfig", HostDocument(container.spec())},
          {"Mounts", MountsDocument(container.spec())},
          {"Config", ConfigDocument(container)},
          {"NetworkSettings", NetworkDocument(container)}};
}

}  // namespace davit::cli
