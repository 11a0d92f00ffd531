// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/run_config.h"

#include <cstdlib>
#include <optional>
#include <string_view>

#include "base/file_io.h"
#include "base/number.h"
#include "cli/confinement_spec.h"
#include "cli/mount_spec.h"
#include "cli/port_spec.h"
#include "cli/quantity.h"
#include "cli/variables.h"

namespace davit::cli {
namespace {

namespace api = ::davit::v1;

Result<> AddLabel(const std::string& text, api::ContainerSpec& spec) {
  size_t equals = text.find('=');
  std::string key = text.substr(0, equals);
  if (key.empty()) return Fail(Code::kInvalidArgument, "--label", text, "write KEY=VALUE or KEY");
  (*spec.mutable_labels())[key] = equals == std::string::npos ? "" : text.substr(equals + 1);
  return {};
}

// Those of the command line count more than those of files.
Result<> SetLabels(const RunOptions& options, api::ContainerSpec& spec) {
  for (const std::string& path : options.label_files) {
    for (const std::string& line : TRY(ReadSettings(path)))
      if (Result<> added = AddLabel(line, spec); !added)
        return std::unexpected(Within("--label-file " + path, added.error()));
  }
  for (const std::string& label : options.labels) TRY(AddLabel(label, spec));
  return {};
}

// An empty --entrypoint takes away the image's: the command line is the arguments alone.
Result<> SetCommand(const RunOptions& options, api::ContainerSpec& spec) {
  if (options.has_entrypoint && options.entrypoint.empty()) {
    if (options.command.empty()) {
      return Fail(Code::kInvalidArgument, "--entrypoint", "",
                  "is empty: write the program and its arguments after the image");
    }
    for (const std::string& word : options.command) spec.add_entrypoint(word);
    return {};
  }
  if (options.has_entrypoint) spec.add_entrypoint(options.entrypoint);
  for (const std::string& word : options.command) spec.add_command(word);
  return {};
}

// A word of our own, or the name of a network that somebody has made.
Result<> SetNetworkMode(const std::string& text, api::ContainerSpec& spec) {
  if (text == "bridge" || text == "default") {
    spec.set_network(api::ContainerSpec::BRIDGE);
  } else if (text == "host") {
    spec.set_network(api::ContainerSpec::HOST);
  } else if (text == "none") {
    spec.set_network(api::ContainerSpec::NONE);
  } else if (text.starts_with("container:")) {
    return Fail(
        Code::kInvalidArgument, "--network", text,
        "the network of another container is not supported yet: use bridge, host, none or a network of "
        "davit network create");
  } else if (text.empty() || text.find_first_of(":=,") != std::string::npos) {
    return Fail(Code::kInvalidArgument, "--network", text,
                "write bridge, host, none or the name of a network; for more see --network-alias and --ip");
  } else {
    spec.set_network(api::ContainerSpec::USER);
    spec.set_network_name(text);
  }
  return {};
}

Result<> SetNetworkPlace(const RunOptions& options, api::ContainerSpec& spec) {
  TRY(SetNetworkMode(options.network, spec));
  for (const std::string& alias : options.network_aliases) spec.add_network_aliases(alias);
  for (const std::string* address : {&options.ip, &options.ip6})
    if (!address->empty()) spec.add_network_addresses(*address);
  bool placed = spec.network_aliases_size() + spec.network_addresses_size() > 0;
  if (placed && spec.network() != api::ContainerSpec::USER)
    return Fail(Code::kInvalidArgument, "--network", options.network,
                "only a network of davit network create has aliases and chosen addresses");
  return {};
}

Result<> SetLogOption(const std::string& text, api::LogLimits& log) {
  size_t equals = std::min(text.find('='), text.size());
  std::string name = text.substr(0, equals);
  std::string value = equals < text.size() ? text.substr(equals + 1) : "";
  if (name == "max-size") {
    log.set_max_bytes(TRY(ParseBytes(value)));
    return {};
  }
  std::optional<uint32_t> files = WholeNumber<uint32_t>(value);
  if (name != "max-file" || !files || *files == 0)
    return Fail(Code::kInvalidArgument, "--log-opt", text,
                "write max-size=NUMBER[b|k|m|g] or max-file=NUMBER");
  log.set_max_files(*files);
  return {};
}

Result<> SetResources(const RunOptions& options, api::ContainerSpec& spec) {
  if (!options.memory.empty()) spec.set_memory_bytes(TRY(ParseBytes(options.memory)));
  if (!options.cpus.empty()) spec.set_nano_cpus(TRY(ParseCpus(options.cpus)));
  spec.set_pids_limit(options.pids_limit);
  spec.set_cpu_shares(options.cpu_shares);
  if (options.memory_swap == "-1")
    spec.set_memory_swap_bytes(-1);
  else if (!options.memory_swap.empty())
    spec.set_memory_swap_bytes(TRY(ParseBytes(options.memory_swap)));
  spec.set_cpuset_cpus(options.cpuset_cpus);
  if (!options.shm_size.empty()) spec.set_shm_bytes(static_cast<uint64_t>(TRY(ParseBytes(options.shm_size))));
  for (const std::string& ulimit : options.ulimits) {
    if (ulimit.find('=') == std::string::npos)
      return Fail(Code::kInvalidArgument, "--ulimit", ulimit,
                  "write NAME=SOFT[:HARD], such as nofile=1024:4096");
    spec.add_ulimits(ulimit);
  }
  return {};
}

Result<> SetConfinement(const RunOptions& options, api::ContainerSpec& spec) {
  for (const std::string& name : options.cap_add) spec.add_cap_add(name);
  for (const std::string& name : options.cap_drop) spec.add_cap_drop(name);
  for (const std::string& group : options.groups) TRY(AddGroup(group, spec));
  for (const std::string& sysctl : options.sysctls) TRY(AddSysctl(sysctl, spec));
  for (const std::string& device : options.devices) TRY(AddDevice(device, spec));
  for (const std::string& option : options.security) TRY(AddSecurityOption(option, spec));
  spec.set_pid(TRY(ParseNamespace("--pid", options.pid)));
  spec.set_ipc(TRY(ParseNamespace("--ipc", options.ipc)));
  spec.set_privileged(options.privileged);
  spec.set_read_only(options.read_only);
  return {};
}

Result<> SetNetwork(const RunOptions& options, api::ContainerSpec& spec) {
  for (const std::string& text : options.ports)
    for (const PortWish& wish : TRY(ParsePortSpec(text)))
      if (wish.IsFixed()) *spec.add_ports() = MappingOf(wish, wish.first_host_port);
  for (const std::string& server : options.dns) spec.add_dns_servers(server);
  for (const std::string& domain : options.dns_searches) spec.add_dns_searches(domain);
  for (const std::string& option : options.dns_options) spec.add_dns_options(option);
  spec.set_hostname(options.hostname);
  return SetNetworkPlace(options, spec);
}

Result<> SetStop(const RunOptions& options, api::ContainerSpec& spec) {
  if (!options.stop_signal.empty()) spec.set_stop_signal(TRY(ParseSignal(options.stop_signal)));
  if (options.stop_timeout) spec.set_stop_grace_seconds(static_cast<uint32_t>(*options.stop_timeout));
  return {};
}

}  // namespace

Result<api::RestartPolicy> ParseRestart(const std::string& text) {
  api::RestartPolicy policy;
  size_t colon = text.find(':');
  std::string when = text.substr(0, colon);
  if (text.empty() || text == "no") {
    policy.set_when(api::RestartPolicy::NEVER);
    return policy;
  }
  if (text == "always" || text == "unless-stopped") {
    policy.set_when(text == "always" ? api::RestartPolicy::ALWAYS : api::RestartPolicy::UNLESS_STOPPED);
    return policy;
  }
  std::string_view number = colon == std::string::npos ? "0" : std::string_view(text).substr(colon + 1);
  std::optional<uint32_t> retries = WholeNumber<uint32_t>(number);
  if (when != "on-failure" || !retries)
    return Fail(Code::kInvalidArgument, "--restart", text,
                "write no, on-failure[:RETRIES], always or unless-stopped");
  policy.set_when(api::RestartPolicy::ON_FAILURE);
  policy.set_max_retries(*retries);
  return policy;
}

Result<PullPolicy> ParsePullPolicy(const std::string& text) {
  if (text == "missing") return PullPolicy::kMissing;
  if (text == "always") return PullPolicy::kAlways;
  if (text == "never") return PullPolicy::kNever;
  return Fail(Code::kInvalidArgument, "--pull", text, "write always, missing or never");
}

Result<api::CreateContainerRequest> BuildCreateRequest(const RunOptions& options) {
  api::CreateContainerRequest request;
  request.set_name(options.name);
  api::ContainerSpec& spec = *request.mutable_spec();
  spec.set_image(options.image);
  TRY(SetCommand(options, spec));
  for (const std::string& variable : TRY(ReadVariables(options.env_files, options.env)))
    spec.add_env(variable);
  TRY(SetLabels(options, spec));
  for (const std::string& volume : options.volumes) TRY(AddVolumeFlag(volume, spec));
  for (const std::string& mount : options.mounts) TRY(AddMountFlag(mount, spec));
  for (const std::string& tmpfs : options.tmpfs) TRY(AddTmpfsFlag(tmpfs, spec));
  for (const std::string& from : options.volumes_from) TRY(AddVolumesFromFlag(from, spec));
  spec.set_working_dir(options.working_dir);
  spec.set_user(options.user);
  TRY(SetResources(options, spec));
  TRY(SetConfinement(options, spec));
  TRY(SetNetwork(options, spec));
  TRY(SetStop(options, spec));
  TRY(SetHealth(options.health, spec));
  *spec.mutable_restart() = TRY(ParseRestart(options.restart));
  for (const std::string& option : options.log_opts) TRY(SetLogOption(option, *spec.mutable_log()));
  spec.set_auto_remove(options.remove);
  spec.set_tty(options.tty);
  spec.set_open_stdin(options.interactive);
  spec.set_stdin_once(options.interactive && !options.detach);
  return request;
}

}  // namespace davit::cli
