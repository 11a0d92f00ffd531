// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Any bytes as what daemon and shim send each other. The first byte chooses. What was accepted must be
// written and read the same way again.
#include <sys/socket.h>

#include <cstdint>
#include <cstdlib>

#include "base/codec.h"
#include "base/error_message.h"
#include "base/frame.h"
#include "shim/plan.h"
#include "shim/protocol.h"
#include "shim/session.h"

namespace davit::shim {
namespace {

template <typename Message>
void Read(std::string_view bytes) {
  auto message = Decode<Message>(bytes, "fuzz");
  if (!message) return;
  std::string written = Encode(*message);
  auto again = Decode<Message>(written, "fuzz");
  if (!again || Encode(*again) != written) std::abort();
}

void ReadAsFrame(std::string_view bytes) {
  auto pair = FramePair();
  if (!pair || bytes.empty()) return;
  if (send(pair->first.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) < 0) return;
  DamagedFrame damaged;
  auto frame = ReceiveFrame(pair->second.get(), &damaged);
  if (!frame && frame.error().code != Code::kDataLoss) std::abort();  // it would end the conversation
  if (frame && (frame->type == 0 || !frame->fds.empty())) std::abort();
}

// What a client of a session sends to the shim.
void ReadAsPlainFrame(std::string_view bytes) {
  auto pair = FramePair();
  if (!pair || bytes.empty()) return;
  if (send(pair->first.get(), bytes.data(), bytes.size(), MSG_DONTWAIT) < 0) return;
  auto frame = ReceivePlainFrame(pair->second.get());
  // All else would end the session.
  if (!frame && frame.error().code != Code::kDataLoss) std::abort();
  if (frame && (frame->type == 0 || frame->payload.size() > kMaxPlainPayload)) std::abort();
}

using Reader = void (*)(std::string_view);
constexpr Reader kReaders[] = {
    ReadAsFrame,          Read<HelloRequest>,    Read<HelloReply>,       Read<StartSandbox>,
    Read<SandboxStarted>, Read<StartContainer>,  Read<ContainerStarted>, Read<ExecRequest>,
    Read<ExecStarted>,    Read<AttachRequest>,   Read<CloseInput>,       Read<ReopenLog>,
    Read<KillContainer>,  Read<ContainerExited>, Read<ExecExited>,       Read<SandboxFailed>,
    Read<ErrorMessage>,   Read<SandboxPlan>,     Read<ProcessPlan>,      Read<ContainerPlan>,
    ReadAsPlainFrame,     Read<SessionToken>,    Read<SessionSignal>,
};

}  // namespace
}  // namespace davit::shim

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  davit::shim::kReaders[data[0] % std::size(davit::shim::kReaders)](
      {reinterpret_cast<const char*>(data) + 1, size - 1});
  return 0;
}
