// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/testing/fake_shims.h"

#include <fcntl.h>

#include "base/codec.h"
#include "base/duplicate.h"
#include "base/file_io.h"
#include "base/frame.h"
#include "base/ids.h"
#include "base/time.h"

namespace davit::cri {
namespace {

Result<UniqueFd> AnyDescriptor() {
  return OpenAt(AT_FDCWD, "/dev/null", O_RDWR);
}

int DescriptorOf(const StartFrame& frame, shim::FdRole role) {
  for (const RoleFd& fd : frame.fds()) {
    if (fd.role == RoleNumber(role)) return fd.fd;
  }
  return -1;
}

// The answer of a shim in this mood, as the daemon understands it.
Result<> Understand(ShimMood mood, const std::string& request, const std::string& id) {
  switch (mood) {
    case ShimMood::kAnswers:
      break;
    case ShimMood::kSilent:
      return Fail(Code::kDeadlineExceeded, request, id, "no answer in time");
    case ShimMood::kGarbled:
      return Fail(Code::kDataLoss, request, id, "the answer is unreadable");
    case ShimMood::kIncompatible:
      return Fail(Code::kUnimplemented, request, id, "the shim speaks another version");
    case ShimMood::kDead:
      return Fail(Code::kUnavailable, request, id, "the shim is gone");
  }
  return {};
}

}  // namespace

Result<> FakeShim::Ask(const std::string& what) {
  {
    MutexLock lock(shims_.mutex_);
    FakePod& pod = shims_.pods_[id_];
    pod.log.push_back(what);
    if (what != "Shutdown" || pod.mood != ShimMood::kIncompatible) TRY(Understand(pod.mood, what, id_));
  }
  return shims_.steps_.Take("shim." + what);
}

Result<PodNamespaces> FakeShim::StartSandbox(const shim::SandboxPlan& plan, int64_t) {
  TRY(Ask("StartSandbox"));
  PodNamespaces namespaces;
  if (plan.own_network) namespaces.network = TRY(AnyDescriptor());
  if (!plan.ids.empty()) namespaces.user = TRY(AnyDescriptor());
  return namespaces;
}

Result<StartedContainer> FakeShim::StartContainer(ContainerLaunch launch, int64_t) {
  TRY(Ask("StartContainer"));
  MutexLock lock(shims_.mutex_);
  return StartedContainer{shims_.Run(id_, launch.container_id), PidFd()};
}

void FakeShim::KillContainer(const std::string& container_id) {
  bool lives;
  {
    MutexLock lock(shims_.mutex_);
    FakePod& pod = shims_.pods_[id_];
    pod.log.push_back("KillContainer");
    bool listens = pod.mood == ShimMood::kAnswers || pod.mood == ShimMood::kIncompatible;
    lives = listens && pod.live.contains(container_id);
  }
  if (lives) shims_.Exit(id_, container_id, 137);
}

Result<> FakeShim::ReopenLog(const std::string&, int, int64_t) {
  return Ask("ReopenLog");
}

// Runs "the command" at once: it writes "out" and "err" and ends.
Result<> FakeShim::HandExec(const ExecLaunch& launch, int64_t) {
  TRY(Ask("HandExec"));
  TRY(WriteAll(DescriptorOf(launch.frame, shim::FdRole::kStdout), "out", "stdout"));
  TRY(WriteAll(DescriptorOf(launch.frame, shim::FdRole::kStderr), "err", "stderr"));
  int outcome = DescriptorOf(launch.frame, shim::FdRole::kOutcome);
  int32_t exit_code = 0;
  {
    MutexLock lock(shims_.mutex_);
    if (shims_.execs_hang_) {
      shims_.hanging_.push_back(TRY(Duplicate(outcome, "outcome")));
      return {};
    }
    exit_code = shims_.exec_exit_code_;
  }
  return SendFrame(outcome, static_cast<uint32_t>(shim::ShimMessage::kExecExited), /*request_id=*/0,
                   Encode(shim::ExecExited{launch.exec_id, exit_code, 0}));
}

void FakeShim::StartExec(ExecLaunch launch, std::function<void(Result<UniqueFd>)> done) {
  if (Result<> asked = Ask("StartExec"); !asked) return done(std::unexpected(asked.error()));
  bool pipes = DescriptorOf(launch.frame, shim::FdRole::kStdout) >= 0;
  done(pipes ? Result<UniqueFd>(UniqueFd()) : AnyDescriptor());
  shims_.Tell(id_, [&](const ShimEvents& events) { events.exec_exited({launch.exec_id, 7, 0}); });
}

void FakeShim::Attach(const std::string&, AttachWish, StartFrame,
                      std::function<void(Result<AttachedInput>)> done) {
  if (Result<> asked = Ask("Attach"); !asked) return done(std::unexpected(asked.error()));
  done(AttachedInput{UniqueFd(), AnyDescriptor().value_or(UniqueFd())});
}

void FakeShim::AskNamespaces(std::function<void(Result<PodNamespaces>)> done) {
  if (Result<> asked = Ask("AskNamespaces"); !asked) return done(std::unexpected(asked.error()));
  Result<UniqueFd> own = OpenAt(AT_FDCWD, "/proc/self/ns/net", O_RDONLY);
  done(PodNamespaces{std::move(*own), UniqueFd()});
}

void FakeShim::CloseInput(const std::string&) {
  (void)Ask("CloseInput");
}

Result<> FakeShim::Shutdown(int64_t) {
  TRY(Ask("Shutdown"));
  shims_.Die(id_);
  return {};
}

void FakeShim::Kill() {
  shims_.Die(id_);
}

bool FakeShim::alive() const {
  MutexLock lock(shims_.mutex_);
  auto pod = shims_.pods_.find(id_);
  return pod != shims_.pods_.end() && pod->second.mood != ShimMood::kDead;
}

void FakeShim::Close() {
  MutexLock lock(shims_.mutex_);
  FakePod& pod = shims_.pods_[id_];
  pod.events = {};
  pod.on_state = nullptr;
}

Result<NewShim> FakeShims::Take() {
  TRY(steps_.Take("shims.Take"));
  NewShim shim;
  shim.sandbox_id = TRY(NewId());
  MutexLock lock(mutex_);
  shim.identity = {next_, static_cast<uint64_t>(next_), "this boot"};
  ++next_;
  pods_[shim.sandbox_id];
  return shim;
}

Result<> FakeShims::Health() const {
  MutexLock lock(mutex_);
  return health_;
}

void FakeShims::SetHealth(Result<> health) {
  MutexLock lock(mutex_);
  health_ = std::move(health);
}

ShimPtr FakeShims::Adopt(NewShim shim, ShimEvents events) {
  MutexLock lock(mutex_);
  pods_[shim.sandbox_id].events = std::move(events);
  return std::make_shared<FakeShim>(*this, shim.sandbox_id);
}

void FakeShims::Discard(NewShim shim) {
  MutexLock lock(mutex_);
  pods_.erase(shim.sandbox_id);
}

Result<ShimPtr> FakeShims::Meet(const std::string& sandbox_id, const ProcessIdentity& identity,
                                ShimEvents events) {
  TRY(steps_.Take("shims.Meet"));
  ShimMood mood;
  {
    MutexLock lock(mutex_);
    auto found = pods_.find(sandbox_id);
    if (found == pods_.end() || found->second.mood == ShimMood::kDead) {
      if (found != pods_.end()) pods_.erase(found);
      return Fail(Code::kNotFound, "meet shim of sandbox", sandbox_id, "its process is gone");
    }
    if (identity.pid == 0)
      return Fail(Code::kFailedPrecondition, "meet shim of sandbox", sandbox_id,
                  "its process is not recorded");
    found->second.events = std::move(events);
    mood = found->second.mood;
  }
  Reconnect(sandbox_id);
  if (mood == ShimMood::kAnswers) AnswerNow(sandbox_id);
  Result<> understood = Understand(mood, "Hello", sandbox_id);
  if (!understood && mood != ShimMood::kSilent)
    Tell(sandbox_id, [&](const ShimEvents& connected) { connected.not_understood(understood.error()); });
  (void)steps_.Take("shims.Meet has answered");
  return std::make_shared<FakeShim>(*this, sandbox_id);
}

void FakeShims::End(const std::string& sandbox_id, const ProcessIdentity&) {
  MutexLock lock(mutex_);
  pods_.erase(sandbox_id);
}

size_t FakeShims::EndStrays(const std::set<std::string>& known) {
  MutexLock lock(mutex_);
  return std::erase_if(pods_, [&known](const auto& pod) { return !known.contains(pod.first); });
}

Result<shim::ContainerExited> FakeShims::ReadExitRecord(const std::string& container_id) const {
  MutexLock lock(mutex_);
  auto found = exits_.find(container_id);
  if (found == exits_.end()) return Fail(Code::kNotFound, "read exit record", container_id, "there is none");
  return found->second;
}

void FakeShims::RemoveExitRecord(const std::string& container_id) {
  MutexLock lock(mutex_);
  exits_.erase(container_id);
}

void FakeShims::HangExecs() {
  MutexLock lock(mutex_);
  execs_hang_ = true;
}

void FakeShims::LetExecsEnd() {
  MutexLock lock(mutex_);
  execs_hang_ = false;
}

void FakeShims::EndExecsWith(int32_t exit_code) {
  MutexLock lock(mutex_);
  exec_exit_code_ = exit_code;
}

void FakeShims::SetMood(const std::string& sandbox_id, ShimMood mood) {
  MutexLock lock(mutex_);
  pods_[sandbox_id].mood = mood;
}

void FakeShims::Die(const std::string& sandbox_id) {
  {
    MutexLock lock(mutex_);
    auto found = pods_.find(sandbox_id);
    if (found == pods_.end() || found->second.mood == ShimMood::kDead) return;
    found->second.mood = ShimMood::kDead;
    found->second.live.clear();
  }
  Tell(sandbox_id, [](const ShimEvents& events) { events.died(); });
}

void FakeShims::Exit(const std::string& sandbox_id, const std::string& container_id, int code, bool tell) {
  shim::ContainerExited exited{container_id, code, code > 128 ? code - 128 : 0, false, UnixNanoseconds()};
  {
    MutexLock lock(mutex_);
    pods_[sandbox_id].live.erase(container_id);
    exits_[container_id] = exited;
  }
  if (tell) Tell(sandbox_id, [&exited](const ShimEvents& events) { events.container_exited(exited); });
}

void FakeShims::StartLate(const std::string& sandbox_id, const std::string& container_id) {
  MutexLock lock(mutex_);
  Run(sandbox_id, container_id);
}

void FakeShims::Forget(const std::string& sandbox_id, const std::string& container_id) {
  MutexLock lock(mutex_);
  pods_[sandbox_id].live.erase(container_id);
}

void FakeShims::FailSandbox(const std::string& sandbox_id, const std::string& reason) {
  Tell(sandbox_id, [&reason](const ShimEvents& events) { events.sandbox_failed(reason); });
}

void FakeShims::Reconnect(const std::string& sandbox_id) {
  Tell(sandbox_id, [&](const ShimEvents& events) {
    ShimEvents::OnState on_state = events.begin_meeting();
    MutexLock lock(mutex_);
    pods_[sandbox_id].on_state = std::move(on_state);
  });
}

void FakeShims::AnswerNow(const std::string& sandbox_id) {
  ShimEvents::OnState on_state;
  ShimState state;
  {
    MutexLock lock(mutex_);
    FakePod& pod = pods_[sandbox_id];
    pod.mood = ShimMood::kAnswers;
    state = StateOf(pod);
    on_state = std::exchange(pod.on_state, nullptr);
  }
  if (on_state) on_state(std::move(state));
}

void FakeShims::Seed(const std::string& sandbox_id, FakePod pod) {
  MutexLock lock(mutex_);
  pods_[sandbox_id] = std::move(pod);
}

std::set<std::string> FakeShims::alive() const {
  MutexLock lock(mutex_);
  std::set<std::string> ids;
  for (const auto& [id, pod] : pods_) {
    if (pod.mood != ShimMood::kDead) ids.insert(id);
  }
  return ids;
}

bool FakeShims::IsConnected(const std::string& sandbox_id) const {
  MutexLock lock(mutex_);
  auto found = pods_.find(sandbox_id);
  return found != pods_.end() && found->second.events.died != nullptr;
}

std::set<std::string> FakeShims::exit_records() const {
  MutexLock lock(mutex_);
  std::set<std::string> ids;
  for (const auto& [id, exited] : exits_) ids.insert(id);
  return ids;
}

std::vector<std::string> FakeShims::LogOf(const std::string& sandbox_id) const {
  MutexLock lock(mutex_);
  auto found = pods_.find(sandbox_id);
  return found == pods_.end() ? std::vector<std::string>() : found->second.log;
}

shim::LiveContainer& FakeShims::Run(const std::string& sandbox_id, const std::string& container_id) {
  return pods_[sandbox_id].live[container_id] = {container_id, 4242, UnixNanoseconds(), 0, 0, {}};
}

ShimState FakeShims::StateOf(const FakePod& pod) const {
  ShimState state;
  for (const auto& [id, live] : pod.live) state.containers.push_back({live, PidFd()});
  return state;
}

void FakeShims::Tell(const std::string& sandbox_id, const std::function<void(const ShimEvents&)>& tell) {
  ShimEvents events;
  {
    MutexLock lock(mutex_);
    events = pods_[sandbox_id].events;
  }
  if (events.died) tell(events);
}

}  // namespace davit::cri
