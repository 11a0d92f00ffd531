// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/shims/exec_outcome.h"

#include "base/codec.h"
#include "base/frame.h"
#include "shim/failure.h"

namespace davit::cri {

Result<shim::ExecExited> ReceiveExecOutcome(int socket, const std::string& container_id) {
  Result<Frame> frame = ReceiveFrame(socket);
  if (!frame && frame.error().code == Code::kUnavailable)
    return Fail(Code::kUnavailable, "exec in container", container_id, "the shim is gone");
  if (!frame) return std::unexpected(std::move(frame).error());
  Frame outcome = TRY(shim::AnswerIn(std::move(*frame)));
  return Decode<shim::ExecExited>(outcome.payload, "ExecExited");
}

}  // namespace davit::cri
