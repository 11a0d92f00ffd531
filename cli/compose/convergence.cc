// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cli/compose/convergence.h"

#include <thread>

#include "cli/compose/conditions.h"
#include "cli/compose/container_request.h"
#include "cli/compose/labels.h"
#include "cli/containers.h"

namespace davit::cli::compose {
namespace {

constexpr ptrdiff_t kAtOnce = 8;

// Holds one of the permits.
class Permit {
 public:
  explicit Permit(std::counting_semaphore<>& permits) : permits_(permits) { permits_.acquire(); }
  ~Permit() { permits_.release(); }
  Permit(const Permit&) = delete;
  Permit& operator=(const Permit&) = delete;

 private:
  std::counting_semaphore<>& permits_;
};

// Anonymous volumes go from the old container to the new one, where that mounts nothing else.
void KeepVolumes(const api::Container& old, api::ContainerSpec& spec) {
  for (const api::MountedVolume& volume : old.volumes()) {
    bool taken = !volume.anonymous();
    for (const api::VolumeMount& mount : spec.volumes())
      taken |= mount.target() == volume.target() && !mount.volume().empty();
    for (const api::BindMount& mount : spec.mounts()) taken |= mount.target() == volume.target();
    if (taken) continue;
    api::VolumeMount* mount = nullptr;
    for (api::VolumeMount& own : *spec.mutable_volumes())
      if (own.target() == volume.target()) mount = &own;
    if (mount == nullptr) mount = spec.add_volumes();
    mount->set_volume(volume.volume());
    mount->set_target(volume.target());
  }
}

}  // namespace

Convergence::Convergence(const Session& session, const Project& project, const Attachments& attachments,
                         const Wanted& wanted, Progress& progress, ConvergeOptions options)
    : session_(session),
      project_(project),
      attachments_(attachments),
      wanted_(wanted),
      progress_(progress),
      options_(std::move(options)),
      at_once_(kAtOnce) {}

Result<> Convergence::Run(const UpPlan& plan) {
  TRY(RemoveOrphans(plan));
  for (const std::string& key : plan.networks) TRY(MakeNetwork(key));
  for (const std::string& key : plan.volumes) TRY(MakeVolume(key));
  for (const ServiceSteps& steps : plan.services) outcomes_[steps.service] = Outcome::kPending;
  {
    std::vector<std::jthread> threads;
    for (const ServiceSteps& steps : plan.services)
      threads.emplace_back([this, &steps] { RunService(steps); });
  }
  if (error_) return std::unexpected(std::move(*error_));
  return {};
}

Result<> Convergence::MakeNetwork(const std::string& key) {
  const Network& network = project_.networks.at(key);
  api::CreateNetworkRequest request;
  request.set_name(network.name);
  api::NetworkSpec& spec = *request.mutable_spec();
  for (const std::string& subnet : network.subnets) spec.add_subnets(subnet);
  for (const std::string& gateway : network.gateways) spec.add_gateways(gateway);
  spec.set_internal(network.internal);
  spec.mutable_labels()->insert(network.labels.begin(), network.labels.end());
  (*spec.mutable_labels())[kProjectLabel] = project_.name;
  (*spec.mutable_labels())[kNetworkLabel] = key;
  TRY(session_.daemon.Call(&NetworkStub::Create, request, CallMode::kShielded));
  progress_.Say("Network", network.name, "Created");
  return {};
}

Result<> Convergence::MakeVolume(const std::string& key) {
  const Volume& volume = project_.volumes.at(key);
  api::CreateVolumeRequest request;
  request.set_name(volume.name);
  request.mutable_labels()->insert(volume.labels.begin(), volume.labels.end());
  (*request.mutable_labels())[kProjectLabel] = project_.name;
  (*request.mutable_labels())[kVolumeLabel] = key;
  TRY(session_.daemon.Call(&VolumeStub::Create, request, CallMode::kShielded));
  progress_.Say("Volume", volume.name, "Created");
  return {};
}

Result<> Convergence::RemoveOrphans(const UpPlan& plan) {
  for (const ContainerNow& orphan : plan.orphans) {
    if (plan.remove_orphans) {
      TRY(Remove(orphan.id, orphan.name));
      continue;
    }
    progress_.Remark("the container " + orphan.name + " belongs to the service " + orphan.service +
                     ", which the project does not have: --remove-orphans removes it");
  }
  return {};
}

void Convergence::RunService(const ServiceSteps& steps) {
  Result<bool> ready = AwaitDependencies(project_.Named(steps.service));
  Result<> done = ready ? Result<>() : std::unexpected(ready.error());
  if (ready && *ready) done = RunSteps(steps);
  if (done && *ready) return;  // finished by the last step
  if (!done) {
    std::lock_guard lock(mutex_);
    if (error_) progress_.Remark(error_->ToString());
    error_ = Within("services." + steps.service, done.error());
  }
  Finish(steps.service, Outcome::kFailed, {});
}

Result<> Convergence::RunSteps(const ServiceSteps& steps) {
  const Service& service = project_.Named(steps.service);
  std::vector<std::string> ids;
  for (const ContainerStep& step : steps.steps) {
    Permit permit(at_once_);
    std::string id = TRY(RunStep(service, step));
    if (step.step != Step::kRemove) ids.push_back(std::move(id));
  }
  Finish(steps.service, Outcome::kDone, std::move(ids));
  return {};
}

Result<std::string> Convergence::RunStep(const Service& service, const ContainerStep& step) {
  std::string id = step.id;
  switch (step.step) {
    case Step::kRemove:
      TRY(Remove(id, step.name));
      return id;
    case Step::kKeep:
      progress_.Say("Container", step.name, "Running");
      options_.running(TRY(InspectContainer(session_.daemon, id)));
      return id;
    case Step::kRestart:
      TRY(StopContainer(session_, id, options_.grace_seconds));
      break;
    case Step::kRecreate:
      id = TRY(Recreate(service, step));
      break;
    case Step::kCreate:
      id = TRY(Create(service, step, step.name));
      progress_.Say("Container", step.name, "Created");
      break;
    case Step::kStart:
      break;
  }
  if (options_.start) TRY(Start(id, step.name));
  return id;
}

Result<bool> Convergence::AwaitDependencies(const Service& service) {
  for (const Dependency& dependency : service.dependencies) {
    Outcome outcome = AwaitOutcome(dependency.service);
    if (outcome == Outcome::kFailed && dependency.required) return false;
    if (outcome != Outcome::kDone || !options_.start) continue;
    std::vector<std::string> ids = [&] {
      std::lock_guard lock(mutex_);
      return ids_[dependency.service];
    }();
    Result<> met = AwaitCondition(session_, ids, dependency.condition);
    if (!met && dependency.required) return std::unexpected(met.error());
    if (!met) progress_.Remark(met.error().ToString());
  }
  return true;
}

// kPending: it is not part of the plan.
Convergence::Outcome Convergence::AwaitOutcome(const std::string& service) {
  std::unique_lock lock(mutex_);
  auto outcome = outcomes_.find(service);
  if (outcome == outcomes_.end()) return Outcome::kPending;
  changed_.wait(lock, [&outcome] { return outcome->second != Outcome::kPending; });
  return outcome->second;
}

Result<std::string> Convergence::Create(const Service& service, const ContainerStep& step,
                                        const std::string& name) {
  ContainerParts parts{.name = name,
                       .number = step.number,
                       .hash = wanted_.hashes.at(service.name),
                       .image = ImageOf(project_, service)};
  parts.files = TRY(WriteAttachments(project_, service, attachments_));
  api::CreateContainerRequest request = TRY(RequestFor(project_, service, parts));
  if (!step.id.empty()) KeepVolumes(TRY(InspectContainer(session_.daemon, step.id)), *request.mutable_spec());
  return TRY(session_.daemon.Call(&OwnContainerStub::Create, request, CallMode::kPatient)).id();
}

// The old container is only removed when there is a new one.
Result<std::string> Convergence::Recreate(const Service& service, const ContainerStep& step) {
  std::string id = TRY(Create(service, step, step.id.substr(0, 12) + "-new"));
  Result<> removed = Remove(step.id, step.name);
  if (!removed) {
    (void)RemoveContainer(session_, id, /*force=*/true);
    return std::unexpected(removed.error());
  }
  api::RenameContainerRequest rename;
  rename.set_container(id);
  rename.set_name(step.name);
  TRY(session_.daemon.Call(&OwnContainerStub::Rename, rename, CallMode::kShielded));
  progress_.Say("Container", step.name, "Recreated");
  return id;
}

Result<> Convergence::Start(const std::string& id, const std::string& name) {
  TRY(StartContainer(session_, id));
  progress_.Say("Container", name, "Started");
  options_.running(TRY(InspectContainer(session_.daemon, id)));
  return {};
}

Result<> Convergence::Remove(const std::string& id, const std::string& name) {
  TRY(StopContainer(session_, id, options_.grace_seconds));
  TRY(RemoveContainer(session_, id, /*force=*/true));
  progress_.Say("Container", name, "Removed");
  return {};
}

void Convergence::Finish(const std::string& service, Outcome outcome, std::vector<std::string> ids) {
  std::lock_guard lock(mutex_);
  outcomes_[service] = outcome;
  ids_[service] = std::move(ids);
  changed_.notify_all();
}

}  // namespace davit::cli::compose
