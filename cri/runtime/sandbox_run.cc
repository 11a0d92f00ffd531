// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include <sys/stat.h>

#include <filesystem>

#include "base/background.h"
#include "base/codec.h"
#include "base/file_io.h"
#include "base/memfd.h"
#include "cri/network/network_request.h"
#include "cri/runtime/runtime.h"
#include "cri/spec/pod_files.h"
#include "cri/spec/sandbox_plan.h"
#include "cri/spec/user_namespace.h"

namespace davit {
namespace {

// For a pod whose first container does not start soon; one that does has the next shim started
// (StartContainer). While it starts, the two would hold each other up at the kernel's locks.
constexpr std::chrono::milliseconds kRefillPatience(200);

Result<> CheckHandler(const std::string& handler) {
  if (handler.empty()) return {};
  return Fail(Code::kNotFound, "validate", "runtime_handler",
              "\"" + handler + "\" is not configured; only the default is");
}

}  // namespace

Result<v1::RunPodSandboxResponse> Runtime::RunPodSandbox(const v1::RunPodSandboxRequest& request,
                                                         Call& call) {
  TRY(ValidateSandboxConfig(request.config()));
  TRY(CheckHandler(request.runtime_handler()));
  TRY(HostPorts(request.config()));
  TRY(CheckSeLinux(request.config()));

  std::string name = SandboxName(request.config().metadata());
  std::string bytes = SerializeDeterministically(request.config());
  NameTable::Claim claim = TRY(sandbox_names_.Take(name, bytes));
  v1::RunPodSandboxResponse response;
  if (claim.owner) {
    SandboxAttempt attempt = MakeSandbox(request, std::move(bytes), call);
    sandbox_names_.Settle(name, attempt.holder);
    TRY(std::move(attempt.came_up));
    response.set_pod_sandbox_id(*attempt.holder);
  } else {
    response.set_pod_sandbox_id(TRY(JoinSandbox(claim, name, call)));
  }
  return response;
}

Result<std::string> Runtime::JoinSandbox(const NameTable::Claim& claim, const std::string& name,
                                         const Call& call) {
  auto patience = std::chrono::milliseconds(std::max<int64_t>(0, call.deadline_ms - MonotonicMilliseconds()));
  if (claim.outcome.wait_for(patience) != std::future_status::ready) {
    return Fail(Code::kDeadlineExceeded, "run sandbox", name, "an earlier request is still starting it");
  }
  std::string id = TRY(Result<std::string>(claim.outcome.get()));
  Result<SandboxPtr> sandbox = pods_.FindSandbox(id);
  if (sandbox && (*sandbox)->ready()) return id;
  return Fail(Code::kAlreadyExists, "reserve name", name, "held by sandbox " + id + ", which is not ready");
}

Runtime::SandboxAttempt Runtime::MakeSandbox(const v1::RunPodSandboxRequest& request,
                                             std::string config_bytes, Call& call) {
  Result<ShimLauncher::Shim> shim = shims_.Take();
  if (!shim) return {std::unexpected(shim.error()), std::unexpected(shim.error())};
  call.spans.Mark("shim");
  Result<SandboxPtr> recorded = RecordSandbox(shim->sandbox_id, request, std::move(config_bytes));
  if (!recorded) {
    host_.shims.Discard(std::move(*shim));
    return {std::unexpected(recorded.error()), std::unexpected(recorded.error())};
  }
  SandboxPtr sandbox = *recorded;
  call.spans.Mark("record");
  if (Result<> up = BringUp(sandbox, std::move(*shim), call); !up) {
    Error failure = Within("run sandbox " + SandboxName(request.config().metadata()), up.error());
    bool gone = UndoSandbox(sandbox, failure.ToString(), call.spans);
    return {gone ? Result<std::string>(std::unexpected(failure)) : sandbox->id(), std::unexpected(failure)};
  }
  pods_.AddSandbox(sandbox);
  Announce(*sandbox);
  shims_.Refill(kRefillPatience);
  return {sandbox->id(), {}};
}

// The same path takes down a sandbox that never stood and one that did.
bool Runtime::UndoSandbox(const SandboxPtr& sandbox, const std::string& reason, Spans& spans) {
  Result<> undone = ReleaseSandbox(sandbox, OperationDeadline(), spans);
  if (undone) undone = ForgetSandbox(sandbox);
  if (undone) return true;
  host_.log.Log(LogLevel::kError, "unfinished sandbox not removed",
                {{"sandbox", sandbox->id()}, {"error", undone.error().ToString()}});
  (void)sandbox->record().TryChange([&reason](SandboxRecord& r) {
    if (r.phase != SandboxPhase::kCreating) return false;
    r.phase = SandboxPhase::kNotReady;
    r.reason = reason;
    return true;
  });
  pods_.AddSandbox(sandbox);
  Announce(*sandbox);
  return false;
}

// The lease and the record come first: from here on a crash leaves nothing that recovery does not know. (A
// shim without a record ends with the daemon.)
Result<SandboxPtr> Runtime::RecordSandbox(const std::string& id, const v1::RunPodSandboxRequest& request,
                                          std::string config_bytes) {
  const v1::PodSandboxConfig& config = request.config();
  SandboxRecord record;
  record.id = id;
  record.config = std::move(config_bytes);
  record.runtime_handler = request.runtime_handler();
  record.created_at = UnixNanoseconds();
  record.cgroup_parent = config.linux().cgroup_parent();
  record.own_cgroup_parent = record.cgroup_parent.empty();
  if (record.own_cgroup_parent) {
    record.cgroup_parent =
        (std::filesystem::path(host_.config.cgroup.root) / "davit/pods" / record.id).string();
  }
  record.selinux_level = TRY(TakeLevel(id, config));
  Result<> chosen = HasOwnNetwork(config) ? host_.network.Choose(record) : Result<>();
  if (!chosen) {
    levels_.GiveBack(id);
    return std::unexpected(std::move(chosen).error());
  }

  SandboxRow row{record.id, Encode(record)};
  if (Result<> put = host_.records.PutSandbox(row); !put) {
    host_.network.GiveBack(record);
    levels_.GiveBack(id);
    return std::unexpected(std::move(put).error());
  }
  return std::make_shared<Sandbox>(std::move(record), config, SandboxWriter());
}

Result<> Runtime::BringUp(const SandboxPtr& sandbox, ShimLauncher::Shim shim, Call& call) {
  int64_t deadline = OperationDeadline();
  SandboxRecord record = sandbox->record().Get();
  record.shim_pid = shim.identity.pid;
  record.shim_start_time = shim.identity.start_time;
  record.shim_boot_id = shim.identity.boot_id;
  sandbox->SetLink(ShimLink::Open(host_.reactor, sandbox->id(), std::move(shim.socket),
                                  std::move(shim.process), EventsOf(sandbox)));
  PendingReply pending = TRY(SendSandboxPlan(*sandbox, deadline));
  Background<> files_and_cgroup(workers_, [this, &sandbox, before = record]() -> Result<> {
    TRY(WritePodFiles(*sandbox, before.addresses));
    return MakePodCgroup(before);
  });
  Frame started = TRY(pending.Wait(deadline));
  if (HasUserNamespace(sandbox->config()) && !started.fds.empty()) {
    sandbox->SetUserNamespace(std::move(started.fds.back()));
    started.fds.pop_back();
  }
  call.spans.Mark("namespaces");
  TRY(AttachNetwork(*sandbox, started, record));
  call.spans.Mark("network");
  TRY(files_and_cgroup.Wait());
  if (record.plugins) TRY(WritePodFiles(*sandbox, record.addresses));  // known only now
  call.spans.Mark("files+cgroup");
  TRY(sandbox->record().Change([&record](SandboxRecord& r) {
    r = record;
    r.phase = SandboxPhase::kReady;
  }));
  call.spans.Mark("ready");
  return {};
}

Result<PendingReply> Runtime::SendSandboxPlan(const Sandbox& sandbox, int64_t deadline_ms) const {
  SandboxPlan plan = TRY(BuildSandboxPlan(sandbox.config(), sandbox.id()));
  plan.selinux_files = TRY(FilesContextOf(sandbox));
  UniqueFd memfd = TRY(MakeSealedMemfd("sandbox-plan", Encode(plan)));
  int fds[] = {memfd.get()};
  return sandbox.link()->Send(ShimMessage::kStartSandbox, "", fds, deadline_ms);
}

Result<> Runtime::WritePodFiles(const Sandbox& sandbox, const std::vector<std::string>& addresses) {
  std::string dir = SandboxDir(sandbox.id());
  if (mkdir(dir.c_str(), 0755) < 0 && errno != EEXIST) return SystemError("mkdir", dir);
  PodFiles paths = PodFilesOf(sandbox.id());
  PodFileContents contents = TRY(RenderPodFiles(sandbox.config(), addresses));
  auto write = [this](const std::string& path, const std::string& text) -> Result<> {
    UniqueFd fd = TRY(OpenAt(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, 0644));
    TRY(LabelPodFile(fd.get(), path));
    return WriteAll(fd.get(), text, path);
  };
  TRY(write(paths.hosts, contents.hosts));
  TRY(write(paths.hostname, contents.hostname));
  return write(paths.resolv_conf, contents.resolv_conf);
}

Result<> Runtime::MakePodCgroup(const SandboxRecord& record) {
  if (!record.own_cgroup_parent) return {};  // the kubelet has made it, with its limits
  return host_.cgroups.Create(record.cgroup_parent, CgroupResources(), /*devices=*/{});
}

Result<> Runtime::AttachNetwork(const Sandbox& sandbox, const Frame& started, SandboxRecord& record) {
  if (!HasOwnNetwork(sandbox.config())) return {};
  if (started.fds.size() != 1)
    return Fail(Code::kInternal, "start sandbox", sandbox.id(), "the shim sent no network namespace");
  return host_.network.Attach(sandbox.config(), started.fds[0].get(), record);
}

}  // namespace davit
