// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/container_text.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <vector>

#include "base/json.h"
#include "base/number.h"
#include "base/time.h"
#include "cli/health.h"
#include "cli/text.h"

namespace davit::cli {
namespace {

namespace api = ::davit::v1;
namespace v1 = ::runtime::v1;
using nlohmann::json;

constexpr uint64_t kDefaultShmBytes = 64 << 20;
constexpr char kNever[] = "0001-01-01T00:00:00Z";  // Go's zero time, as in Docker

std::string TimeText(int64_t unix_nanoseconds) {
  return unix_nanoseconds == 0 ? kNever : FormatRfc3339Nano(unix_nanoseconds);
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

template <typename Map>
json MapOf(const Map& map) {
  json object = json::object();
  for (const auto& [key, value] : map) object[key] = value;
  return object;
}

std::vector<std::string> GroupsOf(const api::ContainerSpec& spec) {
  std::vector<std::string> groups;
  for (uint32_t group : spec.groups()) groups.push_back(std::to_string(group));
  groups.insert(groups.end(), spec.group_names().begin(), spec.group_names().end());
  return groups;
}

// "nofile=1024:4096" as Name, Soft and Hard; -1: unlimited.
json UlimitsDocument(const api::ContainerSpec& spec) {
  json limits = json::array();
  for (const std::string& text : spec.ulimits()) {
    auto number = [](const std::string& value) { return WholeNumber<int64_t>(value).value_or(-1); };
    size_t equals = std::min(text.find('='), text.size());
    std::vector<std::string> values = Split(text.substr(std::min(equals + 1, text.size())), ':');
    limits.push_back({{"Name", text.substr(0, equals)},
                      {"Soft", number(values.front())},
                      {"Hard", number(values.back())}});
  }
  return limits;
}

json DevicesDocument(const api::ContainerSpec& spec) {
  json devices = json::array();
  for (const api::Device& device : spec.devices()) {
    const std::string& inside = device.container_path();
    devices.push_back({{"PathOnHost", device.host_path()},
                       {"PathInContainer", inside.empty() ? device.host_path() : inside},
                       {"CgroupPermissions", device.permissions().empty() ? "rwm" : device.permissions()}});
  }
  return devices;
}

std::string NamespaceText(api::ContainerSpec::Namespace of) {
  return of == api::ContainerSpec::OF_HOST ? "host" : "private";
}

std::vector<std::string> SecurityOptions(const api::ContainerSpec& spec) {
  std::vector<std::string> options;
  if (spec.no_new_privileges()) options.emplace_back("no-new-privileges");
  if (!spec.seccomp_profile().empty()) options.push_back("seccomp=" + spec.seccomp_profile());
  if (!spec.apparmor_profile().empty()) options.push_back("apparmor=" + spec.apparmor_profile());
  return options;
}

json StateDocument(const api::ContainerState& state) {
  json document = {{"Status", StateWord(state)},
                   {"Running", state.status() == api::ContainerState::RUNNING ||
                                   state.status() == api::ContainerState::RESTARTING},  // as in Docker
                   {"Paused", state.paused()},
                   {"Restarting", state.status() == api::ContainerState::RESTARTING},
                   {"OOMKilled", state.oom_killed()},
                   {"Dead", false},
                   {"Pid", state.pid()},
                   {"ExitCode", state.exit_code()},
                   {"Error", state.error()},
                   {"StartedAt", TimeText(state.started_at())},
                   {"FinishedAt", TimeText(state.finished_at())}};
  if (state.has_health()) SetJsonMember(document, "Health", HealthDocument(state.health()));
  return document;
}

json PortBindings(const api::ContainerSpec& spec) {
  json bindings = json::object();
  for (const api::PortMapping& port : spec.ports()) {
    std::string key = std::to_string(port.container_port()) + "/" + ProtocolText(port.protocol());
    bindings[key].push_back({{"HostIp", port.host_ip()}, {"HostPort", std::to_string(port.host_port())}});
  }
  return bindings;
}

// As --tmpfs takes it.
std::string TmpfsOptions(const api::TmpfsMount& mount) {
  constexpr uint32_t kMode = 01777;
  char mode[16];
  snprintf(mode, sizeof mode, "%o", mount.has_mode() ? mount.mode() : kMode);
  std::string options = mount.read_only() ? "ro" : "rw";
  options += mount.exec() ? ",exec" : ",noexec";
  options += mount.suid() ? ",suid" : ",nosuid";
  options += mount.dev() ? ",dev" : ",nodev";
  options += std::string(",mode=") + mode;
  if (mount.size_bytes() > 0) options += ",size=" + std::to_string(mount.size_bytes());
  if (mount.uid() > 0) options += ",uid=" + std::to_string(mount.uid());
  if (mount.gid() > 0) options += ",gid=" + std::to_string(mount.gid());
  return options;
}

json TmpfsDocument(const api::ContainerSpec& spec) {
  json mounts = json::object();
  for (const api::TmpfsMount& mount : spec.tmpfs()) mounts[mount.target()] = TmpfsOptions(mount);
  return mounts;
}

json VolumesFromDocument(const api::ContainerSpec& spec) {
  json containers = json::array();
  for (const api::VolumesFrom& from : spec.volumes_from())
    containers.push_back(from.container() + (from.read_only() ? ":ro" : ""));
  return containers;
}

json HostDocument(const api::ContainerSpec& spec) {
  json binds = json::array();
  for (const api::BindMount& mount : spec.mounts())
    binds.push_back(mount.source() + ":" + mount.target() + (mount.read_only() ? ":ro" : ""));
  for (const api::VolumeMount& mount : spec.volumes()) {
    if (!mount.volume().empty())
      binds.push_back(mount.volume() + ":" + mount.target() + (mount.read_only() ? ":ro" : ""));
  }
  return {
      {"Binds", binds},
      {"Tmpfs", TmpfsDocument(spec)},
      {"VolumesFrom", VolumesFromDocument(spec)},
      {"NetworkMode", NetworkText(spec)},
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
      {"PidsLimit", spec.pids_limit()},
      {"MemorySwap", spec.memory_swap_bytes()},
      {"CpuShares", spec.cpu_shares()},
      {"CpusetCpus", spec.cpuset_cpus()},
      {"GroupAdd", GroupsOf(spec)},
      {"ShmSize", spec.shm_bytes() == 0 ? kDefaultShmBytes : spec.shm_bytes()},
      {"Ulimits", UlimitsDocument(spec)},
      {"Devices", DevicesDocument(spec)},
      {"PidMode", NamespaceText(spec.pid())},
      {"IpcMode", NamespaceText(spec.ipc())},
      {"SecurityOpt", SecurityOptions(spec)}};
}

json MountsDocument(const api::Container& container) {
  json mounts = json::array();
  for (const api::BindMount& mount : container.spec().mounts()) {
    mounts.push_back({{"Type", "bind"},
                      {"Source", mount.source()},
                      {"Destination", mount.target()},
                      {"RW", !mount.read_only()}});
  }
  for (const api::MountedVolume& volume : container.volumes()) {
    mounts.push_back({{"Type", "volume"},
                      {"Name", volume.volume()},
                      {"Source", volume.mountpoint()},
                      {"Destination", volume.target()},
                      {"Driver", "local"},
                      {"RW", !volume.read_only()}});
  }
  return mounts;
}

json ConfigDocument(const api::Container& container) {
  const api::ContainerSpec& spec = container.spec();
  json document = {{"Hostname", spec.hostname().empty() ? ShortId(container.id()) : spec.hostname()},
                   {"User", spec.user()},
                   {"Env", ListOf(spec.env())},
                   {"Cmd", ListOf(spec.command())},
                   {"Entrypoint", ListOf(spec.entrypoint())},
                   {"Image", spec.image()},
                   {"WorkingDir", spec.working_dir()},
                   {"StopSignal", spec.stop_signal() == 0 ? "" : std::to_string(spec.stop_signal())},
                   {"StopTimeout", spec.has_stop_grace_seconds() ? json(spec.stop_grace_seconds()) : json()},
                   {"Labels", MapOf(spec.labels())}};
  if (spec.health().test_size() > 0)
    SetJsonMember(document, "Healthcheck", HealthCheckDocument(spec.health()));
  return document;
}

json NetworkSettings(const api::Container& container) {
  json addresses = ListOf(container.state().addresses());
  std::string first = container.state().addresses().empty() ? "" : container.state().addresses(0);
  json networks = json::object();
  networks[NetworkText(container.spec())] = {{"IPAddress", first},
                                             {"Aliases", ListOf(container.spec().network_aliases())}};
  return {{"IPAddress", first},
          {"Addresses", addresses},
          {"Networks", networks},
          {"Ports", PortBindings(container.spec())}};
}

// Of a document of the daemon, which may be of another release.
std::vector<std::string> TextsIn(const json* object, const char* field) {
  std::vector<std::string> texts;
  const json* list = object == nullptr ? nullptr : JsonMember(*object, field);
  if (list == nullptr || !list->is_array()) return texts;
  for (const json& item : *list)
    if (const std::string* text = JsonText(item)) texts.push_back(*text);
  return texts;
}

std::string KubeletsStateWord(v1::ContainerState state) {
  switch (state) {
    case v1::CONTAINER_CREATED:
      return "created";
    case v1::CONTAINER_RUNNING:
      return "running";
    case v1::CONTAINER_EXITED:
      return "exited";
    default:
      return "unknown";
  }
}

std::string Ago(int64_t since, int64_t now) {
  return DurationText(now - since) + " ago";
}

// As in Docker: " (Paused)", " (healthy)".
std::string HealthSuffix(const api::ContainerState& state) {
  if (state.paused()) return " (Paused)";
  if (!state.has_health()) return "";
  std::string word = HealthWord(state.health());
  return word == "starting" ? " (health: starting)" : " (" + word + ")";
}

}  // namespace

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

std::string NetworkText(const api::ContainerSpec& spec) {
  switch (spec.network()) {
    case api::ContainerSpec::USER:
      return spec.network_name();
    case api::ContainerSpec::HOST:
      return "host";
    case api::ContainerSpec::NONE:
      return "none";
    default:
      return "bridge";
  }
}

std::string StateWord(const api::ContainerState& state) {
  return state.paused() ? "paused" : StateWord(state.status());
}

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
      return "Up " + DurationText(now - state.started_at()) + HealthSuffix(state);
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

std::vector<std::string> HostEndsOf(const api::PortMapping& port) {
  std::string number = ":" + std::to_string(port.host_port());
  const std::string& address = port.host_ip();
  if (address.empty()) return {"0.0.0.0" + number, "[::]" + number};
  return {(address.find(':') == std::string::npos ? address : "[" + address + "]") + number};
}

std::string PortsText(const api::ContainerSpec& spec) {
  std::string text;
  for (const api::PortMapping& port : spec.ports()) {
    std::string inside = "->" + std::to_string(port.container_port()) + "/" + ProtocolText(port.protocol());
    for (const std::string& end : HostEndsOf(port)) text += (text.empty() ? "" : ", ") + end + inside;
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
          {"Mounts", MountsDocument(container)},
          {"Config", ConfigDocument(container)},
          {"NetworkSettings", NetworkSettings(container)}};
}

json KubeletsDocument(const std::string& name, const v1::ContainerStatusResponse& response) {
  const v1::ContainerStatus& status = response.status();
  auto verbose = response.info().find("info");
  const json info = verbose == response.info().end() ? json() : JsonOrNull(verbose->second);
  const json* spec = JsonMember(info, "runtimeSpec");
  const json* process = spec == nullptr ? nullptr : JsonMember(*spec, "process");
  const json* pid = JsonMember(info, "pid");
  std::vector<std::string> args = TextsIn(process, "args");
  std::string path = args.empty() ? "" : args.front();
  if (!args.empty()) args.erase(args.begin());
  json mounts = json::array();
  for (const v1::Mount& mount : status.mounts()) {
    mounts.push_back({{"Type", "bind"},
                      {"Source", mount.host_path()},
                      {"Destination", mount.container_path()},
                      {"RW", !mount.readonly()}});
  }
  bool running = status.state() == v1::CONTAINER_RUNNING;
  return {{"Id", status.id()},
          {"Created", TimeText(status.created_at())},
          {"Path", path},
          {"Args", args},
          {"State",
           {{"Status", KubeletsStateWord(status.state())},
            {"Running", running},
            {"OOMKilled", status.reason() == "OOMKilled"},
            {"Pid", running && pid != nullptr ? JsonInteger(*pid).value_or(0) : 0},
            {"ExitCode", status.exit_code()},
            {"Error", status.message()},
            {"StartedAt", TimeText(status.started_at())},
            {"FinishedAt", TimeText(status.finished_at())}}},
          {"Image", status.image_id()},
          {"LogPath", status.log_path()},
          {"Name", "/" + name},
          {"RestartCount", status.metadata().attempt()},
          {"Mounts", mounts},
          {"Config",
           {{"Image", status.image().image()},
            {"Env", TextsIn(process, "env")},
            {"Labels", MapOf(status.labels())}}}};
}

}  // namespace davit::cli
