// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/testing/world.h"

#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "base/guarded.h"

namespace davit::cri {
namespace {

constexpr int64_t kPatienceMs = 60'000;

Call NewCall(const Clock& clock, Owner owner) {
  return Call{clock.MonotonicMilliseconds() + kPatienceMs, Spans(), owner};
}

std::string NewDirectory() {
  std::string pattern = (std::filesystem::temp_directory_path() / "davit-world-XXXXXX").string();
  if (mkdtemp(pattern.data()) == nullptr) abort();
  return pattern;
}

Result<> Outcome(const auto& result) {
  if (result) return {};
  return std::unexpected(result.error());
}

// Calls a verb as the gRPC service does: an exception is an error of the call.
template <typename Verb>
auto Serve(const Clock& clock, Owner owner, Verb verb) {
  Call call = NewCall(clock, owner);
  return Guarded("serve", "verb", [&] { return verb(call); });
}

void Append(std::vector<std::string>& to, const std::string& kind, const auto& ids) {
  for (const auto& id : ids) to.push_back(kind + " " + id);
}

}  // namespace

World::World()
    : directory_(NewDirectory()),
      log_([this](std::string_view line) { TakeLine(line); }, LogLevel::kInfo),
      apparmor_(directory_ + "/none"),
      selinux_(directory_ + "/none"),
      outputs_(Reactor::Start().value()) {
  config_.root = directory_ + "/root";
  config_.state = directory_ + "/state";
  std::filesystem::create_directories(config_.state + "/sandboxes");
  images.Add("image");
  Start();
}

World::~World() {
  runtime_.reset();
  std::filesystem::remove_all(directory_);
}

void World::Start() {
  HostFacts facts;
  facts.capabilities = (uint64_t{1} << 40) - 1;
  facts.has_user_namespaces = true;
  runtime_ = std::make_unique<Runtime>(
      Host{config_, log_, clock, records, [this] { return records.Health(); }, snapshots, images, cgroups,
           network, shims, *outputs_, seccomp_, apparmor_, selinux_, facts, cdi::Registry({})});
}

void World::TakeLine(std::string_view line) {
  MutexLock lock(lines_mutex_);
  lines_.emplace_back(line);
  if (line.contains("level=error")) std::cerr << line;  // for whoever reads the test's output
}

std::vector<std::string> World::Logged(const std::string& message) const {
  MutexLock lock(lines_mutex_);
  std::vector<std::string> found;
  for (const std::string& line : lines_)
    if (line.contains(message)) found.push_back(line);
  return found;
}

void World::Restart() {
  runtime_.reset();
  Start();
}

v1::RunPodSandboxRequest World::SandboxRequest(const std::string& name) const {
  v1::RunPodSandboxRequest request;
  v1::PodSandboxConfig& config = *request.mutable_config();
  config.mutable_metadata()->set_name(name);
  config.mutable_metadata()->set_namespace_("default");
  config.mutable_metadata()->set_uid("uid-of-" + name);
  config.set_hostname(name);
  config.mutable_dns_config()->add_servers("192.0.2.53");
  config.mutable_linux();
  return request;
}

v1::CreateContainerRequest World::ContainerRequest(const std::string& sandbox_id,
                                                   const std::string& name) const {
  v1::CreateContainerRequest request;
  request.set_pod_sandbox_id(sandbox_id);
  request.mutable_config()->mutable_metadata()->set_name(name);
  request.mutable_config()->mutable_image()->set_image("image");
  request.mutable_config()->mutable_linux();
  return request;
}

Result<std::string> World::RunSandbox(const std::string& name) {
  auto run = [&](Call& call) { return runtime_->sandboxes().Run(SandboxRequest(name), call); };
  return TRY(Serve(clock, owner_, run)).pod_sandbox_id();
}

Result<std::string> World::CreateContainer(const std::string& sandbox_id, const std::string& name) {
  auto create = [&](Call& call) {
    return runtime_->containers().Create(ContainerRequest(sandbox_id, name), call);
  };
  return TRY(Serve(clock, owner_, create)).container_id();
}

Result<> World::StartContainer(const std::string& id) {
  v1::StartContainerRequest request;
  request.set_container_id(id);
  return Outcome(
      Serve(clock, owner_, [&](Call& call) { return runtime_->containers().Start(request, call); }));
}

Result<> World::StopContainer(const std::string& id, int64_t grace_seconds) {
  v1::StopContainerRequest request;
  request.set_container_id(id);
  request.set_timeout(grace_seconds);
  return Outcome(
      Serve(clock, owner_, [&](Call& call) { return runtime_->containers().Stop(request, call); }));
}

Result<> World::RemoveContainer(const std::string& id) {
  v1::RemoveContainerRequest request;
  request.set_container_id(id);
  return Outcome(
      Serve(clock, owner_, [&](Call& call) { return runtime_->containers().Remove(request, call); }));
}

Result<> World::StopSandbox(const std::string& id) {
  v1::StopPodSandboxRequest request;
  request.set_pod_sandbox_id(id);
  return Outcome(Serve(clock, owner_, [&](Call& call) { return runtime_->sandboxes().Stop(request, call); }));
}

Result<> World::RemoveSandbox(const std::string& id) {
  v1::RemovePodSandboxRequest request;
  request.set_pod_sandbox_id(id);
  return Outcome(
      Serve(clock, owner_, [&](Call& call) { return runtime_->sandboxes().Remove(request, call); }));
}

World::Pod World::RunPod() {
  Pod pod;
  pod.sandbox = RunSandbox().value();
  pod.container = CreateContainer(pod.sandbox).value();
  StartContainer(pod.container).value();
  return pod;
}

Result<v1::ContainerStatus> World::FindStatusOf(const std::string& container_id) {
  v1::ContainerStatusRequest request;
  request.set_container_id(container_id);
  Call call = NewCall(clock, owner_);
  return TRY(runtime_->containers().Status(request, call)).status();
}

Result<v1::PodSandboxStatus> World::FindSandboxStatusOf(const std::string& sandbox_id) {
  v1::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(sandbox_id);
  Call call = NewCall(clock, owner_);
  return TRY(runtime_->sandboxes().Status(request, call)).status();
}

std::string World::ReasonOf(const std::string& sandbox_id) {
  v1::PodSandboxStatusRequest request;
  request.set_pod_sandbox_id(sandbox_id);
  request.set_verbose(true);
  Call call = NewCall(clock, owner_);
  std::string info = runtime_->sandboxes().Status(request, call).value().info().at("info");
  return nlohmann::json::parse(info).value("reason", "");
}

bool World::Eventually(const std::function<bool()>& reached, std::chrono::milliseconds patience) {
  int64_t deadline = MonotonicMilliseconds() + patience.count();
  while (!reached()) {
    if (MonotonicMilliseconds() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

std::vector<std::string> World::Leftovers() const {
  std::vector<std::string> left;
  Append(left, "shim", shims.alive());
  Append(left, "exit record", shims.exit_records());
  Append(left, "cgroup", cgroups.paths());
  Append(left, "writable layer", snapshots.containers());
  Append(left, "lease", network.leases());
  Append(left, "network", network.attached());
  Append(left, "hold", images.held());
  Append(left, "misuse", network.misuses());
  const std::vector<SandboxRow> sandbox_rows = records.Sandboxes().value();
  for (const SandboxRow& row : sandbox_rows) left.push_back("sandbox row " + row.id);
  const std::vector<ContainerRow> container_rows = records.Containers().value();
  for (const ContainerRow& row : container_rows) left.push_back("container row " + row.id);
  for (const auto& entry : std::filesystem::directory_iterator(config_.state + "/sandboxes"))
    left.push_back("directory " + entry.path().filename().string());
  return left;
}

std::vector<std::string> World::Listed() {
  std::vector<std::string> listed;
  const std::vector<v1::PodSandbox> sandboxes = runtime_->sandboxes().List({}).value();
  for (const v1::PodSandbox& sandbox : sandboxes) listed.push_back(sandbox.id());
  const std::vector<v1::Container> containers = runtime_->containers().List({}).value();
  for (const v1::Container& container : containers) listed.push_back(container.id());
  return listed;
}

}  // namespace davit::cri
