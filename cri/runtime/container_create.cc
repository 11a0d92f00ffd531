// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/codec.h"
#include "base/ids.h"
#include "cri/runtime/log_file.h"
#include "cri/runtime/runtime.h"
#include "cri/spec/stop_signal.h"
#include "images/image_config.h"

namespace davit {
namespace {

// What the kubelet compares: a repository digest where the image has one.
std::string ImageRefOf(const ImageRecord& image) {
  return image.repo_digests.empty() ? image.id : image.repo_digests.front();
}

// The layers of a container's images, until the container holds them itself.
class HeldImages {
 public:
  explicit HeldImages(ImageStore& images) : images_(images) {}
  ~HeldImages() {
    for (const auto& chain_ids : held_) images_.ReleaseLayers(chain_ids);
  }
  HeldImages(const HeldImages&) = delete;
  HeldImages& operator=(const HeldImages&) = delete;

  Result<ImageRecord> Find(const std::string& ref) {
    ImageRecord image = TRY(images_.FindAndHold(ref));
    held_.push_back(image.chain_ids);
    return image;
  }
  void Keep() { held_.clear(); }

 private:
  ImageStore& images_;
  std::vector<std::vector<std::string>> held_;
};

Result<std::vector<ImageVolumeRecord>> FindVolumes(const v1::ContainerConfig& config, HeldImages& held) {
  std::vector<ImageVolumeRecord> volumes;
  for (const v1::Mount& mount : config.mounts()) {
    if (!mount.has_image()) continue;
    Result<ImageRecord> image = held.Find(mount.image().image());
    if (!image) return std::unexpected(Within("image volume " + mount.container_path(), image.error()));
    volumes.push_back({ImageRefOf(*image), image->chain_ids});
  }
  return volumes;
}

Result<> ValidateContainerConfig(const v1::ContainerConfig& config) {
  if (config.metadata().name().empty()) {
    return Fail(Code::kInvalidArgument, "validate", "config.metadata.name", "it is empty");
  }
  if (config.image().image().empty()) {
    return Fail(Code::kInvalidArgument, "validate", "config.image.image", "it is empty");
  }
  return {};
}

}  // namespace

Result<v1::CreateContainerResponse> Runtime::CreateContainer(const v1::CreateContainerRequest& request,
                                                             Call& call) {
  if (request.pod_sandbox_id().empty())
    return Fail(Code::kInvalidArgument, "validate", "pod_sandbox_id", "it is empty");
  TRY(ValidateContainerConfig(request.config()));
  SandboxPtr sandbox = TRY(pods_.FindSandbox(request.pod_sandbox_id()));
  std::string name = ContainerName(request.config().metadata(), sandbox->id());
  NameTable::Claim claim = TRY(container_names_.Take(name, SerializeDeterministically(request.config())));
  v1::CreateContainerResponse response;
  if (claim.owner) {
    Result<std::string> made = MakeContainer(sandbox, request, call);
    container_names_.Settle(name, made);
    response.set_container_id(TRY(std::move(made)));
    return response;
  }

  auto patience = std::chrono::milliseconds(std::max<int64_t>(0, call.deadline_ms - MonotonicMilliseconds()));
  if (claim.outcome.wait_for(patience) != std::future_status::ready) {
    return Fail(Code::kDeadlineExceeded, "create container", name, "an earlier request is still creating it");
  }
  response.set_container_id(TRY(Result<std::string>(claim.outcome.get())));
  Result<ContainerPtr> holder = pods_.FindContainer(response.container_id());
  if (holder && (*holder)->phase() == ContainerPhase::kCreated) return response;
  return Fail(Code::kAlreadyExists, "reserve name", name,
              "held by container " + response.container_id() + ", which has been started");
}

Result<std::string> Runtime::MakeContainer(const SandboxPtr& sandbox,
                                           const v1::CreateContainerRequest& request, Call& call) {
  if (!sandbox->ready()) {
    return Fail(Code::kFailedPrecondition, "create container in sandbox", sandbox->id(),
                "the sandbox is not ready");
  }
  HeldImages held(host_.images);
  ImageRecord image = TRY(held.Find(request.config().image().image()));
  ContainerRecord record = TRY(PlanContainer(*sandbox, request, image));
  record.image_volumes = TRY(FindVolumes(request.config(), held));
  call.spans.Mark("plan");
  TRY(host_.records.PutContainer({record.id, record.sandbox_id, Encode(record)}));
  levels_.Hold(record.id, request.config().linux().security_context().selinux_options().level());
  auto container = std::make_shared<Container>(record, request.config(), sandbox, ContainerWriter());
  Result<> prepared = host_.snapshotter.Prepare(record.id, record.chain_ids);
  if (prepared) prepared = pods_.AddContainer(container);
  if (!prepared) {
    levels_.GiveBack(record.id);
    (void)host_.snapshotter.RemoveContainer(record.id);
    (void)host_.records.DeleteContainer(record.id);
    return std::unexpected(std::move(prepared).error());
  }
  held.Keep();
  Announce(*container);
  call.spans.Mark("record");
  return record.id;
}

// A created container is this plan and nothing else: no process, no cgroup, no mount.
Result<ContainerRecord> Runtime::PlanContainer(const Sandbox& sandbox,
                                               const v1::CreateContainerRequest& request,
                                               const ImageRecord& image) {
  const v1::ContainerConfig& config = request.config();
  ContainerRecord record;
  record.id = TRY(NewId());
  record.sandbox_id = sandbox.id();
  record.config = SerializeDeterministically(config);
  record.image_id = image.id;
  record.image_ref = ImageRefOf(image);
  record.chain_ids = image.chain_ids;
  record.created_at = UnixNanoseconds();
  record.log_path = TRY(ResolveLogPath(sandbox.config().log_directory(), config.log_path()));
  record.cgroup_path =
      sandbox.record().Read([](const SandboxRecord& r) { return r.cgroup_parent; }) + "/" + record.id;

  ImageConfig image_config = TRY(ParseImageConfig(image.config_json));
  record.stop_signal = TRY(StopSignalOf(config.stop_signal(), image_config.stop_signal));
  TRY(ResourcesFromCri(config.linux().resources()));
  std::vector<cdi::Edits> devices = TRY(CdiEditsOf(config));
  std::string level = sandbox.record().Read([](const SandboxRecord& r) { return r.selinux_level.value; });
  ContainerInputs inputs{sandbox.config(), config,    image_config, PodFilesOf(sandbox.id()),
                         host_.facts,      record.id, level,        std::move(devices)};
  ContainerPlan plan = TRY(BuildContainerPlan(inputs));
  if (plan.pid == NamespaceUse::kTarget) TRY(TargetOf(sandbox, config));
  if (plan.process.seccomp) TRY(SeccompFilterOf(config, plan));
  const std::string& profile = plan.process.apparmor_profile.value;
  if (!profile.empty()) TRY(host_.apparmor.Provide(profile));
  const SeLinuxPlan& selinux = plan.process.selinux.value;
  TRY(CheckContexts("linux", selinux.process, selinux.files));
  record.plan = Encode(plan);
  return record;
}

}  // namespace davit
