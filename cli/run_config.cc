// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/run_config.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "cli/port_spec.h"

namespace davit::cli {
namespace {

namespace v1 = ::runtime::v1;

constexpr const char* kMaskedPaths[] = {
    "/proc/acpi",
    "/proc/asound",
    "/proc/interrupts",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
};
constexpr const char* kReadOnlyPaths[] = {
    "/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger",
};

bool IsAlphanumeric(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// It becomes a directory's name, and with HostnameOf a host's.
Result<> CheckName(const std::string& name) {
  bool valid = name.size() <= 63 && IsAlphanumeric(name.front()) && IsAlphanumeric(name.back());
  for (char c : name) valid = valid && (IsAlphanumeric(c) || c == '-' || c == '_' || c == '.');
  if (valid) return {};
  return Fail(Code::kInvalidArgument, "name", name,
              "up to 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends");
}

std::string HostnameOf(std::string name) {
  std::ranges::replace(name, '_', '-');
  std::ranges::transform(name, name.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  return name;
}

// "registry:5000/team/web_app:1.2@sha256:…" gives "web-app-3fa2c1".
std::string NameFromImage(std::string_view image, const std::string& run_id) {
  image = image.substr(0, image.find('@'));
  if (size_t slash = image.rfind('/'); slash != std::string_view::npos) image.remove_prefix(slash + 1);
  image = image.substr(0, image.find(':')).substr(0, 40);
  std::string name;
  for (char c : image) {
    if (IsAlphanumeric(c)) name += c;
    if (!IsAlphanumeric(c) && !name.empty()) name += '-';
  }
  return (name.empty() ? "pod" : name) + "-" + run_id.substr(0, 6);
}

Result<v1::KeyValue> ParseEnv(const std::string& text) {
  size_t equals = text.find('=');
  v1::KeyValue variable;
  variable.set_key(text.substr(0, equals));
  if (variable.key().empty()) return Fail(Code::kInvalidArgument, "env", text, "write NAME=VALUE");
  if (equals != std::string::npos) {
    variable.set_value(text.substr(equals + 1));
  } else if (const char* value = getenv(text.c_str())) {
    variable.set_value(value);
  } else {
    return Fail(Code::kInvalidArgument, "env", text, "not set in the environment of this command");
  }
  return variable;
}

// CRI leaves nothing to the runtime's judgement here: what is not said is unconfined.
void Isolate(v1::LinuxContainerSecurityContext& security) {
  security.mutable_namespace_options()->set_network(v1::POD);
  security.mutable_namespace_options()->set_ipc(v1::POD);
  security.mutable_namespace_options()->set_pid(v1::CONTAINER);
  security.mutable_seccomp()->set_profile_type(v1::SecurityProfile::RuntimeDefault);
  for (const char* path : kMaskedPaths) security.add_masked_paths(path);
  for (const char* path : kReadOnlyPaths) security.add_readonly_paths(path);
}

Result<v1::PodSandboxConfig> BuildPod(const RunOptions& options, const std::string& name,
                                      const std::string& run_id) {
  v1::PodSandboxConfig pod;
  // The daemon compares metadata and configuration: with one uid per name and a configuration that differs
  // from run to run, a name that is taken is refused by the daemon itself, also when two of us run at once.
  pod.mutable_metadata()->set_name(name);
  pod.mutable_metadata()->set_uid("davit-run-" + name);
  pod.mutable_metadata()->set_namespace_("default");
  (*pod.mutable_labels())[kRunLabel] = name;
  (*pod.mutable_annotations())["io.davit.run-id"] = run_id;
  pod.set_hostname(HostnameOf(name));
  pod.set_log_directory(options.log_root + "/" + name);
  for (const std::string& port : options.ports) *pod.add_port_mappings() = TRY(ParsePortSpec(port));
  auto* security = pod.mutable_linux()->mutable_security_context();
  security->mutable_namespace_options()->set_network(v1::POD);
  security->mutable_namespace_options()->set_ipc(v1::POD);
  security->mutable_namespace_options()->set_pid(v1::CONTAINER);
  security->mutable_seccomp()->set_profile_type(v1::SecurityProfile::RuntimeDefault);
  return pod;
}

Result<v1::ContainerConfig> BuildContainer(const RunOptions& options, const std::string& name) {
  v1::ContainerConfig container;
  container.mutable_metadata()->set_name(name);
  container.mutable_image()->set_image(options.image);
  container.mutable_image()->set_user_specified_image(options.image);
  for (const std::string& argument : options.command) container.add_args(argument);
  for (const std::string& variable : options.env) *container.add_envs() = TRY(ParseEnv(variable));
  (*container.mutable_labels())[kRunLabel] = name;
  container.set_log_path(name + ".log");
  Isolate(*container.mutable_linux()->mutable_security_context());
  return container;
}

}  // namespace

Result<RunConfig> BuildRunConfig(const RunOptions& options, const std::string& run_id) {
  if (options.detach && options.remove) {
    return Fail(Code::kInvalidArgument, "--rm", "",
                "does not go with -d: nobody would be there to remove the pod");
  }
  if (!options.log_root.starts_with('/')) {
    return Fail(Code::kInvalidArgument, "DAVIT_LOG_DIR", options.log_root, "must be an absolute path");
  }
  std::string name = options.name.empty() ? NameFromImage(options.image, run_id) : options.name;
  TRY(CheckName(name));
  RunConfig config;
  config.pod = TRY(BuildPod(options, name, run_id));
  config.container = TRY(BuildContainer(options, name));
  return config;
}

}  // namespace davit::cli
