// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "streaming/status.h"

#include "base/json.h"

namespace davit::streaming {
namespace {

std::string Text(const StreamEnd& end) {
  if (end.exit_code != 0)
    return "command terminated with non-zero exit code: " + std::to_string(end.exit_code);
  return end.message;
}

nlohmann::json Status(const StreamEnd& end) {
  if (end.success) return {{"status", "Success"}};
  nlohmann::json status = {{"status", "Failure"}, {"message", Text(end)}};
  if (end.exit_code == 0) {
    status["reason"] = "InternalError";
    status["code"] = 500;
    return status;
  }
  status["reason"] = "NonZeroExitCode";
  nlohmann::json cause = {{"reason", "ExitCode"}, {"message", std::to_string(end.exit_code)}};
  status["details"]["causes"] = nlohmann::json::array({cause});
  return status;
}

}  // namespace

StreamEnd StreamEnd::Exited(int code) {
  return {code == 0, code, ""};
}

StreamEnd StreamEnd::Failed(const std::string& message) {
  return {false, 0, message};
}

std::string EncodeStreamEnd(const StreamEnd& end, int version) {
  constexpr int kFirstWithJson = 4;
  if (version < kFirstWithJson) return end.success ? "" : Text(end);
  return PrintJson(Status(end));
}

}  // namespace davit::streaming
