// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/shims/node_shims.h"

#include "base/frame.h"
#include "cri/shims/shim_client.h"

namespace davit::cri {

ShimPtr NodeShims::Adopt(NewShim shim, ShimEvents events) {
  return ShimClient::Open(reactor_, shim.sandbox_id, std::move(shim.socket), std::move(shim.process),
                          ConnectorTo(shim.sandbox_id), std::move(events), ShimClient::First::kNothing);
}

Result<ShimPtr> NodeShims::Meet(const std::string& sandbox_id, const ProcessIdentity& identity,
                                ShimEvents events) {
  if (identity.pid <= 0) return MeetUnrecorded(sandbox_id);
  Result<PidFd> process = PidFd::Open(identity);
  if (!process)
    return std::unexpected(Within("meet shim of sandbox " + sandbox_id, std::move(process).error()));
  // A shim that lives is met when it can be reached: one that is stopped may have a full backlog.
  Result<UniqueFd> socket = launcher_.Connect(sandbox_id);
  return ShimClient::Open(reactor_, sandbox_id, socket ? std::move(*socket) : UniqueFd(), std::move(*process),
                          ConnectorTo(sandbox_id), std::move(events), ShimClient::First::kMeet);
}

// Without its process nobody would see its death.
std::unexpected<Error> NodeShims::MeetUnrecorded(const std::string& sandbox_id) {
  bool lives = launcher_.Connect(sandbox_id).has_value();
  return lives ? Fail(Code::kFailedPrecondition, "meet shim of sandbox", sandbox_id,
                      "its process is not recorded")
               : Fail(Code::kNotFound, "meet shim of sandbox", sandbox_id, "its process is gone");
}

ShimLink::Connect NodeShims::ConnectorTo(const std::string& sandbox_id) {
  return [&launcher = launcher_, sandbox_id] {
    return launcher.Connect(sandbox_id, ShimLauncher::Patience::kNone);
  };
}

void NodeShims::End(const std::string& sandbox_id, const ProcessIdentity& identity) {
  if (identity.pid <= 0)
    EndUnrecorded(sandbox_id);
  else if (Result<PidFd> shim = PidFd::Open(identity))
    (void)shim->Signal(SIGKILL);
  launcher_.RemoveSocket(sandbox_id);
}

size_t NodeShims::EndStrays(const std::set<std::string>& known) {
  size_t ended = 0;
  for (const std::string& id : launcher_.Sockets().value_or(std::vector<std::string>())) {
    if (known.contains(id)) continue;
    EndUnrecorded(id);
    launcher_.RemoveSocket(id);
    ++ended;
  }
  return ended;
}

void NodeShims::EndUnrecorded(const std::string& sandbox_id) {
  Result<UniqueFd> socket = launcher_.Connect(sandbox_id);
  if (!socket) return;
  (void)SendFrame(socket->get(), static_cast<uint32_t>(shim::ShimMessage::kShutdown), /*request_id=*/1, "");
}

}  // namespace davit::cri
