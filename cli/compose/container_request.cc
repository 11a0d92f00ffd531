// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/container_request.h"

#include <algorithm>

#include "base/number.h"
#include "cli/compose/labels.h"
#include "cli/compose/model/text_forms.h"
#include "cli/run_config.h"

namespace davit::cli::compose {
namespace {

namespace api = ::davit::v1;

constexpr int64_t kSecond = 1'000'000'000;

std::vector<std::string> TextsOf(const Service& service, const char* key) {
  std::vector<std::string> texts;
  if (const Value* list = service.definition.Find(key))
    for (const Value& item : list->items) texts.push_back(item.text);
  return texts;
}

// "NAME=VALUE" each.
std::vector<std::string> PairsOf(const Value* map) {
  std::vector<std::string> pairs;
  if (map != nullptr)
    for (const Member& member : map->members)
      if (!member.value.IsNull()) pairs.push_back(member.key + "=" + member.value.text);
  return pairs;
}

bool Flag(const Value& map, const char* key) {
  const Value* value = map.Find(key);
  return value != nullptr && value->IsTrue();
}

// "SOURCE:TARGET:rwm", or the name of a CDI device.
std::string DeviceText(const Value& device) {
  std::string source = device.TextOf("source");
  if (!source.starts_with('/')) return source;
  return source + ":" + device.TextOf("target") + ":" + device.TextOf("permissions");
}

std::string RestartText(const Service& service) {
  if (service.Has("restart")) return service.Text("restart");
  const Value* deploy = service.definition.Find("deploy");
  const Value* policy = deploy == nullptr ? nullptr : deploy->Find("restart_policy");
  if (policy == nullptr) return "no";
  std::string condition = policy->TextOf("condition");
  std::string attempts = policy->TextOf("max_attempts");
  if (condition == "none") return "no";
  if (condition == "on-failure") return attempts.empty() ? condition : condition + ":" + attempts;
  return "unless-stopped";
}

void SetLimits(const Service& service, RunOptions& options) {
  options.memory = service.Text("mem_limit");
  options.memory_swap = service.Text("memswap_limit");
  options.cpus = service.Text("cpus");
  options.cpuset_cpus = service.Text("cpuset");
  options.pids_limit = WholeNumber<int64_t>(service.Text("pids_limit")).value_or(0);
  const Value* deploy = service.definition.Find("deploy");
  const Value* resources = deploy == nullptr ? nullptr : deploy->Find("resources");
  const Value* limits = resources == nullptr ? nullptr : resources->Find("limits");
  if (limits == nullptr) return;
  if (options.memory.empty()) options.memory = limits->TextOf("memory");
  if (options.cpus.empty()) options.cpus = limits->TextOf("cpus");
  if (options.pids_limit == 0) options.pids_limit = WholeNumber<int64_t>(limits->TextOf("pids")).value_or(0);
}

void SetConfinement(const Service& service, RunOptions& options) {
  options.cap_add = TextsOf(service, "cap_add");
  options.cap_drop = TextsOf(service, "cap_drop");
  options.groups = TextsOf(service, "group_add");
  options.security = TextsOf(service, "security_opt");
  options.sysctls = PairsOf(service.definition.Find("sysctls"));
  options.pid = service.Text("pid");
  std::string ipc = service.Text("ipc");
  options.ipc = ipc == "host" ? ipc : "";
  options.privileged = Flag(service.definition, "privileged");
  options.read_only = Flag(service.definition, "read_only");
  if (const Value* devices = service.definition.Find("devices"))
    for (const Value& device : devices->items) options.devices.push_back(DeviceText(device));
}

// What `davit run` has in the same form.
RunOptions OptionsOf(const Service& service) {
  RunOptions options;
  options.working_dir = service.Text("working_dir");
  options.user = service.Text("user");
  options.hostname = service.Text("hostname");
  options.dns = TextsOf(service, "dns");
  options.dns_searches = TextsOf(service, "dns_search");
  options.dns_options = TextsOf(service, "dns_opt");
  options.tmpfs = TextsOf(service, "tmpfs");
  options.restart = RestartText(service);
  options.stop_signal = service.Text("stop_signal");
  if (std::optional<int64_t> grace = ParseDuration(service.Text("stop_grace_period")))
    options.stop_timeout = (*grace + kSecond - 1) / kSecond;
  if (const Value* logging = service.definition.Find("logging"))
    options.log_opts = PairsOf(logging->Find("options"));
  options.tty = Flag(service.definition, "tty");
  options.interactive = Flag(service.definition, "stdin_open");
  options.detach = true;
  SetLimits(service, options);
  SetConfinement(service, options);
  return options;
}

// An entrypoint that is there and empty takes away the image's, and then the command is the whole line.
void SetCommand(const Service& service, api::ContainerSpec& spec) {
  const Value* entrypoint = service.definition.Find("entrypoint");
  bool removed = entrypoint != nullptr && entrypoint->kind == Kind::kList && entrypoint->items.empty();
  for (const std::string& word : TextsOf(service, "entrypoint")) spec.add_entrypoint(word);
  for (const std::string& word : TextsOf(service, "command"))
    removed ? spec.add_entrypoint(word) : spec.add_command(word);
}

void SetMount(const Project& project, const Value& mount, api::ContainerSpec& spec) {
  std::string type = mount.TextOf("type");
  const Value* bind = mount.Find("bind");
  const Value* of_volume = mount.Find("volume");
  if (type == "bind") {
    api::BindMount& made = *spec.add_mounts();
    made.set_source(mount.TextOf("source"));
    made.set_target(mount.TextOf("target"));
    made.set_read_only(Flag(mount, "read_only"));
    const Value* creates = bind == nullptr ? nullptr : bind->Find("create_host_path");
    made.set_create_source(creates == nullptr || creates->IsTrue());
  } else if (type == "volume") {
    api::VolumeMount& made = *spec.add_volumes();
    auto volume = project.volumes.find(mount.TextOf("source"));
    if (volume != project.volumes.end()) made.set_volume(volume->second.name);
    made.set_target(mount.TextOf("target"));
    made.set_read_only(Flag(mount, "read_only"));
    made.set_no_copy(of_volume != nullptr && Flag(*of_volume, "nocopy"));
  } else {
    api::TmpfsMount& made = *spec.add_tmpfs();
    made.set_target(mount.TextOf("target"));
    made.set_read_only(Flag(mount, "read_only"));
    const Value* settings = mount.Find("tmpfs");
    if (settings == nullptr) return;
    made.set_size_bytes(WholeNumber<uint64_t>(settings->TextOf("size")).value_or(0));
    if (std::optional<uint32_t> mode = WholeNumber<uint32_t>(settings->TextOf("mode"))) made.set_mode(*mode);
  }
}

void SetMounts(const Project& project, const Service& service, const ContainerParts& parts,
               api::ContainerSpec& spec) {
  if (const Value* volumes = service.definition.Find("volumes"))
    for (const Value& volume : volumes->items) SetMount(project, volume, spec);
  for (const auto& [target, file] : parts.files) {
    api::BindMount& made = *spec.add_mounts();
    made.set_source(file);
    made.set_target(target);
    made.set_read_only(true);
  }
}

Result<> AddPort(const Value& port, api::ContainerSpec& spec) {
  std::string published = port.TextOf("published");
  std::string target = port.TextOf("target");
  std::optional<uint32_t> host_port = WholeNumber<uint32_t>(published);
  std::optional<uint32_t> container_port = WholeNumber<uint32_t>(target);
  if (!host_port || !container_port)
    return Fail(Code::kUnimplemented, "publish port", published.empty() ? target : published + ":" + target,
                "ports of the host that are chosen are not supported yet: write HOST_PORT:CONTAINER_PORT");
  api::PortMapping& mapping = *spec.add_ports();
  mapping.set_host_ip(port.TextOf("host_ip"));
  mapping.set_host_port(*host_port);
  mapping.set_container_port(*container_port);
  std::string protocol = port.TextOf("protocol");
  mapping.set_protocol(protocol == "udp"    ? api::PortMapping::UDP
                       : protocol == "sctp" ? api::PortMapping::SCTP
                                            : api::PortMapping::TCP);
  return {};
}

Result<> SetNetwork(const Project& project, const Service& service, const ContainerParts& parts,
                    api::ContainerSpec& spec) {
  if (const Value* ports = service.definition.Find("ports"); ports != nullptr && parts.publishes)
    for (const Value& port : ports->items) TRY(AddPort(port, spec));
  const Value* networks = service.definition.Find("networks");
  if (networks == nullptr || networks->members.empty()) {
    std::string mode = service.Text("network_mode");
    spec.set_network(mode == "host"   ? api::ContainerSpec::HOST
                     : mode == "none" ? api::ContainerSpec::NONE
                                      : api::ContainerSpec::BRIDGE);
    return {};
  }
  const Member& network = networks->members.front();
  spec.set_network(api::ContainerSpec::USER);
  spec.set_network_name(project.networks.at(network.key).name);
  if (!parts.publishes) return {};
  spec.add_network_aliases(service.name);
  if (const Value* aliases = network.value.Find("aliases"))
    for (const Value& alias : aliases->items)
      if (alias.text != service.name) spec.add_network_aliases(alias.text);
  for (const char* key : {"ipv4_address", "ipv6_address"})
    if (std::string address = network.value.TextOf(key); !address.empty())
      spec.add_network_addresses(address);
  return {};
}

void SetLabels(const Project& project, const Service& service, const ContainerParts& parts,
               api::ContainerSpec& spec) {
  auto& labels = *spec.mutable_labels();
  if (const Value* own = service.definition.Find("labels"))
    for (const Member& member : own->members) labels[member.key] = member.value.text;
  std::string files;
  for (const std::string& file : project.files) files.append(files.empty() ? "" : ",").append(file);
  labels[kProjectLabel] = project.name;
  labels[kServiceLabel] = service.name;
  labels[kNumberLabel] = std::to_string(parts.number);
  labels[kHashLabel] = parts.hash;
  labels[kOneOffLabel] = parts.one_off ? "True" : "False";
  labels[kDirectoryLabel] = project.directory;
  labels[kFilesLabel] = files;
}

// Davit runs images of the host's platform alone.
Result<> CheckPlatform(const Service& service) {
#if defined(__x86_64__)
  constexpr std::string_view kHost = "linux/amd64";
#elif defined(__aarch64__)
  constexpr std::string_view kHost = "linux/arm64";
#else
  constexpr std::string_view kHost = "linux";
#endif
  std::string platform = service.Text("platform");
  if (platform.empty() || platform.starts_with(kHost)) return {};
  return Fail(Code::kUnimplemented, "platform", platform,
              "images run on the host's platform, " + std::string(kHost));
}

Result<> CheckHealth(const Service& service) {
  const Value* check = service.definition.Find("healthcheck");
  if (check == nullptr || Flag(*check, "disable")) return {};
  return Fail(Code::kUnimplemented, "healthcheck", "", "health checks are not supported yet: remove it");
}

Result<api::CreateContainerRequest> Build(const Project& project, const Service& service,
                                          const ContainerParts& parts) {
  TRY(CheckPlatform(service));
  TRY(CheckHealth(service));
  api::CreateContainerRequest request = TRY(BuildCreateRequest(OptionsOf(service)));
  request.set_name(parts.name);
  api::ContainerSpec& spec = *request.mutable_spec();
  spec.set_image(parts.image);
  SetCommand(service, spec);
  for (const std::string& variable : PairsOf(service.definition.Find("environment"))) spec.add_env(variable);
  SetMounts(project, service, parts, spec);
  TRY(SetNetwork(project, service, parts, spec));
  SetLabels(project, service, parts, spec);
  return request;
}

}  // namespace

Result<api::CreateContainerRequest> RequestFor(const Project& project, const Service& service,
                                               const ContainerParts& parts) {
  Result<api::CreateContainerRequest> request = Build(project, service, parts);
  if (!request) return std::unexpected(Within("services." + service.name, request.error()));
  return request;
}

std::string ImageOf(const Project& project, const Service& service) {
  std::string image = service.Text("image");
  return image.empty() ? project.name + "-" + service.name : image;
}

}  // namespace davit::cli::compose
