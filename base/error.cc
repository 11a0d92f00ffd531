// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "base/error.h"

#include <cstring>

namespace davit {

std::string Error::ToString() const {
  std::string text = step;
  auto append = [&text](std::string_view separator, std::string_view part) {
    if (part.empty()) return;
    if (!text.empty()) text += separator;
    text += part;
  };
  append(" ", subject);
  append(": ", context);
  if (os_errno != 0) append(": ", ErrnoText(os_errno));
  return text;
}

Code CodeFromErrno(int err) {
  switch (err) {
    case ENOENT:
    case ESRCH:
      return Code::kNotFound;
    case EEXIST:
      return Code::kAlreadyExists;
    case EACCES:
    case EPERM:
      return Code::kPermissionDenied;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return Code::kResourceExhausted;
    case ETIMEDOUT:
      return Code::kDeadlineExceeded;
    case ECONNREFUSED:
    case ECONNRESET:
    case EPIPE:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return Code::kUnavailable;
    case ENOSYS:
    case EOPNOTSUPP:
      return Code::kUnimplemented;
    default:
      return Code::kInternal;
  }
}

std::unexpected<Error> SystemError(std::string_view step, std::string_view subject, int err) {
  return std::unexpected(Error{CodeFromErrno(err), err, std::string(step), std::string(subject), {}});
}

std::unexpected<Error> Fail(Code code, std::string_view step, std::string_view subject,
                            std::string_view context) {
  return std::unexpected(Error{code, 0, std::string(step), std::string(subject), std::string(context)});
}

Error Within(std::string_view operation, Error error) {
  error.step = error.step.empty() ? std::string(operation) : std::string(operation) + ": " + error.step;
  return error;
}

Error WithReason(Reason reason, Error error) {
  if (error.reason == Reason::kNone) error.reason = reason;
  return error;
}

std::string ErrnoText(int err) {
  char buffer[128];
  return strerror_r(err, buffer, sizeof buffer);
}

}  // namespace davit
