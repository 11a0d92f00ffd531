// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Fake shims inside the test process: they answer, do not answer, or die, as the test requests.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/thread_annotations.h"
#include "cri/shims/shims.h"
#include "cri/testing/steps.h"

namespace davit::cri {

enum class ShimMood {
  kAnswers,
  kSilent,        // requests time out at once; no events are reported
  kGarbled,       // its answers and events cannot be read
  kIncompatible,  // of another version: only KillContainer and Shutdown work
  kDead,
};

// The state of one shim, which survives a restart of the daemon.
struct FakePod {
  ShimMood mood = ShimMood::kAnswers;
  std::map<std::string, shim::LiveContainer> live;  // by container id
  std::vector<std::string> log;                     // the requests that it received, for tests
  ShimEvents events;                                // of the connected daemon; empty: none is connected
  ShimEvents::OnState on_state;                     // of the daemon's request for the state; empty: none
};

// One connection to a fake shim.
class FakeShim final : public Shim {
 public:
  FakeShim(class FakeShims& shims, std::string sandbox_id) : shims_(shims), id_(std::move(sandbox_id)) {}

  Result<PodNamespaces> StartSandbox(const shim::SandboxPlan& plan, int64_t deadline_ms) override;
  Result<StartedContainer> StartContainer(ContainerLaunch launch, int64_t deadline_ms) override;
  void KillContainer(const std::string& container_id) override;
  Result<> ReopenLog(const std::string& container_id, int log, int64_t deadline_ms) override;
  Result<> HandExec(const ExecLaunch& launch, int64_t deadline_ms) override;
  void StartExec(ExecLaunch launch, std::function<void(Result<UniqueFd>)> done) override;
  void Attach(const std::string& container_id, AttachWish wish, StartFrame frame,
              std::function<void(Result<AttachedInput>)> done) override;
  void AskNamespaces(std::function<void(Result<PodNamespaces>)> done) override;
  void CloseInput(const std::string& container_id) override;
  Result<> Shutdown(int64_t deadline_ms) override;
  void Kill() override;
  bool alive() const override;
  void Close() override;

 private:
  // Records the request. Returns the error that the shim's mood or the step causes.
  Result<> Ask(const std::string& what);

  FakeShims& shims_;
  const std::string id_;
};

// Thread-safe. Events are called on the thread that causes them.
class FakeShims final : public Shims {
 public:
  explicit FakeShims(Steps& steps) : steps_(steps) {}

  Result<NewShim> Take() override;
  void Refill(std::chrono::milliseconds) override {}
  Result<> Health() const override EXCLUDES(mutex_);
  ShimPtr Adopt(NewShim shim, ShimEvents events) override;
  void Discard(NewShim shim) override;
  Result<ShimPtr> Meet(const std::string& sandbox_id, const ProcessIdentity& identity,
                       ShimEvents events) override;
  void End(const std::string& sandbox_id, const ProcessIdentity& identity) override;
  size_t EndStrays(const std::set<std::string>& known) override;
  void RemoveSocket(const std::string&) override {}
  Result<shim::ContainerExited> ReadExitRecord(const std::string& container_id) const override;
  void RemoveExitRecord(const std::string& container_id) override;

  // For tests.
  void SetHealth(Result<> health) EXCLUDES(mutex_);
  void SetMood(const std::string& sandbox_id, ShimMood mood);
  // The shim's process ends, as after SIGKILL.
  void Die(const std::string& sandbox_id);
  // A container's program ends: the exit record is written, and the daemon gets an event if `tell` is true.
  void Exit(const std::string& sandbox_id, const std::string& container_id, int code, bool tell = true);
  // A silent shim carries out a start whose caller has given it up.
  void StartLate(const std::string& sandbox_id, const std::string& container_id);
  // A container's program ends, and neither an exit record nor an event says so.
  void Forget(const std::string& sandbox_id, const std::string& container_id);
  // The sandbox cannot run containers any more.
  void FailSandbox(const std::string& sandbox_id, const std::string& reason);
  // The daemon makes a new connection and requests the state; the answer is sent by AnswerNow.
  void Reconnect(const std::string& sandbox_id);
  // Answers the daemon's request for the state, and from now on all requests.
  void AnswerNow(const std::string& sandbox_id);
  // From now on commands of ExecSync do not end, after they have written "out" and "err".
  void HangExecs();
  void LetExecsEnd();  // the next ones
  // The exit code of commands of ExecSync, at first 7.
  void EndExecsWith(int32_t exit_code);
  // Adds state, as an earlier daemon would have left it.
  void Seed(const std::string& sandbox_id, FakePod pod);
  std::set<std::string> alive() const;
  // Whether events of this shim would reach a daemon.
  bool IsConnected(const std::string& sandbox_id) const;
  std::set<std::string> exit_records() const;
  std::vector<std::string> LogOf(const std::string& sandbox_id) const;

 private:
  friend class FakeShim;
  shim::LiveContainer& Run(const std::string& sandbox_id, const std::string& container_id) REQUIRES(mutex_);
  ShimState StateOf(const FakePod& pod) const REQUIRES(mutex_);
  // Calls `tell`, without the lock, with the events of the daemon that is connected to the pod, if there is
  // one.
  void Tell(const std::string& sandbox_id, const std::function<void(const ShimEvents&)>& tell);

  Steps& steps_;
  mutable Mutex mutex_;
  std::map<std::string, FakePod> pods_ GUARDED_BY(mutex_);
  std::map<std::string, shim::ContainerExited> exits_ GUARDED_BY(mutex_);
  int next_ GUARDED_BY(mutex_) = 1;
  Result<> health_ GUARDED_BY(mutex_);
  bool execs_hang_ GUARDED_BY(mutex_) = false;
  int32_t exec_exit_code_ GUARDED_BY(mutex_) = 7;
  std::vector<UniqueFd> hanging_ GUARDED_BY(mutex_);  // outcome sockets of commands that do not end
};

}  // namespace davit::cri
