// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/shims/shim_session.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include "base/codec.h"
#include "base/time.h"

namespace davit::cri {

Result<> HelloSummary::Add(Frame reply) {
  auto hello = TRY(Decode<shim::HelloReply>(reply.payload, "HelloReply"));
  std::vector<UniqueFd> processes = reply.fds.TakeAll(shim::FdRole::kProcess);
  if (processes.size() != hello.containers.size() || (hello.more && hello.containers.empty()))
    return Fail(Code::kDataLoss, "read", "HelloReply", "as many processes as containers are expected");
  shim = hello.shim;
  state.namespaces = {reply.fds.Take(shim::FdRole::kNetNamespace),
                      reply.fds.Take(shim::FdRole::kUserNamespace)};
  for (size_t i = 0; i < processes.size(); ++i)
    state.containers.push_back({std::move(hello.containers[i]), PidFd(std::move(processes[i]))});
  sandbox_failed = std::move(hello.sandbox_failed);
  std::ranges::move(hello.unrecorded_exits, std::back_inserter(unrecorded_exits));
  more = hello.more;
  if (more) last = state.containers.back().live.container_id;
  return {};
}

LinkEvents ShimSession::EventsForLink() {
  auto self = shared_from_this();
  LinkEvents events;
  events.event = [self](ShimLink& link, const Frame& frame) {
    // What it wanted to say is in its next HelloReply.
    if (Result<> told = self->Deliver(frame); !told) link.Reconnect(told.error().ToString());
  };
  events.connected = [self](ShimLink& link) { self->Meet(link); };
  events.died = [self] { self->events_.died(); };
  return events;
}

void ShimSession::Meet(ShimLink& link) {
  auto on_answer = [self = shared_from_this(), weak = link.weak_from_this(),
                    met = events_.begin_meeting()](Result<HelloSummary> summary) {
    if (std::shared_ptr<ShimLink> same = weak.lock()) self->OnAnswer(*same, std::move(summary), met);
  };
  AskState(link, on_answer);
}

void ShimSession::OnAnswer(ShimLink& link, Result<HelloSummary> summary, const ShimEvents::OnState& met) {
  if (!summary) return OnNoState(link, summary.error());
  if (Result<> compatible = CheckVersions(); !compatible) return events_.not_understood(compatible.error());
  link.Settle();
  for (const shim::ContainerExited& exited : summary->unrecorded_exits) events_.container_exited(exited);
  if (!summary->sandbox_failed.empty()) events_.sandbox_failed(summary->sandbox_failed);
  met(std::move(summary->state));
}

void ShimSession::OnNoState(ShimLink& link, const Error& error) {
  // A connection that is lost is made anew, and then this is asked again.
  if (error.code == Code::kUnavailable) return;
  if (error.code != Code::kDeadlineExceeded) events_.not_understood(error);
  link.Reconnect(error.ToString());
}

void ShimSession::AskState(ShimLink& link, std::function<void(Result<HelloSummary>)> done) {
  AskPage(link.shared_from_this(), std::make_shared<HelloSummary>(), std::move(done));
}

void ShimSession::AskPage(std::shared_ptr<ShimLink> link, std::shared_ptr<HelloSummary> summary,
                          std::function<void(Result<HelloSummary>)> done) {
  auto on_reply = [self = shared_from_this(), link, summary, done](Result<Frame> reply) {
    Result<> added = reply ? summary->Add(std::move(*reply)) : std::unexpected(std::move(reply).error());
    if (!added) return done(std::unexpected(std::move(added).error()));
    bool compatible = self->TakeVersions(summary->shim).has_value();
    if (summary->more && compatible) return self->AskPage(link, summary, done);
    done(std::move(*summary));
  };
  std::string request = Encode(shim::HelloRequest{shim::kOwnVersions, summary->last});
  Result<> sent = link->Ask(shim::ShimMessage::kHello, request, {}, {.deadline_ms = MonotonicMilliseconds()},
                            std::move(on_reply));
  if (!sent) done(std::unexpected(std::move(sent).error()));
}

Result<> ShimSession::TakeVersions(const shim::Versions& shim) {
  Result<> compatible;
  if (!shim::AreCompatible(shim::kOwnVersions, shim)) {
    compatible = Fail(Code::kUnimplemented, "talk to the shim of", sandbox_id_,
                      "it speaks protocol " + std::to_string(shim.version) + " and understands those from " +
                          std::to_string(shim.oldest) + " on; this davitd speaks " +
                          std::to_string(shim::kOwnVersions.version) + " and understands those from " +
                          std::to_string(shim::kOwnVersions.oldest) + " on");
  }
  MutexLock lock(mutex_);
  compatible_ = compatible;
  version_ = shim.version;
  return compatible;
}

Result<> ShimSession::CheckVersions() const {
  MutexLock lock(mutex_);
  return compatible_;
}

uint32_t ShimSession::version() const {
  MutexLock lock(mutex_);
  return version_;
}

Result<> ShimSession::Deliver(const Frame& event) const {
  switch (static_cast<shim::ShimMessage>(event.type)) {
    case shim::ShimMessage::kContainerExited:
      events_.container_exited(TRY(Decode<shim::ContainerExited>(event.payload, "ContainerExited")));
      return {};
    case shim::ShimMessage::kExecExited:
      events_.exec_exited(TRY(Decode<shim::ExecExited>(event.payload, "ExecExited")));
      return {};
    case shim::ShimMessage::kSandboxFailed:
      events_.sandbox_failed(TRY(Decode<shim::SandboxFailed>(event.payload, "SandboxFailed")).reason);
      return {};
    default:
      return {};  // an event of a newer shim
  }
}

}  // namespace davit::cri
