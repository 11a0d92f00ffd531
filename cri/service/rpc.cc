// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "cri/service/rpc.h"

#include <chrono>

namespace davit::cri {

int64_t DeadlineOf(const grpc::ServerContext& context) {
  constexpr int64_t kLongestMs = 24LL * 3600 * 1000;
  auto left = context.deadline() - std::chrono::system_clock::now();
  int64_t left_ms = std::chrono::duration_cast<std::chrono::milliseconds>(left).count();
  return MonotonicMilliseconds() + std::clamp<int64_t>(left_ms, 0, kLongestMs);
}

void LogRpc(const Logger& log, const char* method, const std::string& id, int64_t began_ns,
            const grpc::Status& status, const Spans& spans) {
  // Clients look for what they have just removed all the time, and the kubelet asks about nothing at all to
  // see whether there is a method (PodSandboxStats).
  bool asks_about_nothing = id.empty() && status.error_code() == grpc::StatusCode::INVALID_ARGUMENT;
  bool usual = status.ok() || status.error_code() == grpc::StatusCode::NOT_FOUND || asks_about_nothing;
  LogLevel level = usual ? LogLevel::kInfo : LogLevel::kWarning;
  if (!log.Enabled(level)) return;
  std::string micros = std::to_string((UnixNanoseconds() - began_ns) / 1000);
  std::string steps = log.Enabled(LogLevel::kDebug) ? spans.ToString() : "";
  log.Log(level, "rpc",
          {{"method", method},
           {"id", id},
           {"us", micros},
           {"code", GrpcCodeName(status.error_code())},
           {"error", status.error_message()},
           {"steps", steps}});
}

grpc::Status Unimplemented(const std::string& what) {
  return grpc::Status(grpc::StatusCode::UNIMPLEMENTED, what + " is not implemented by this version of Davit");
}

}  // namespace davit::cri
