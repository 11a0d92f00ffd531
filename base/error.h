// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The one error type. A function that can fail returns Result<T>; text is for people and is never parsed.
#pragma once

#include <cerrno>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace davit {

// What a caller may do about an error. cri/ maps each value to one gRPC status.
enum class Code : uint8_t {
  kInvalidArgument,     // the request can never succeed as it is
  kNotFound,            // the named thing does not exist
  kAlreadyExists,       // the name is held by something else
  kFailedPrecondition,  // the thing is in the wrong state
  kPermissionDenied,
  kUnauthenticated,    // a registry refused the credentials
  kResourceExhausted,  // a disk, an address range or a limit is full
  kDeadlineExceeded,
  kCancelled,
  kUnavailable,    // try again later: a peer is down
  kUnimplemented,  // this host or this version cannot do it
  kDataLoss,       // a digest or a length does not match
  kInternal,
};

// What a client of the CRI acts on beyond the code. The edge puts its word in front of the error's text
// (cri/service/status_code.h); everything before the edge passes it on unseen.
enum class Reason : uint8_t {
  kNone,
  kRegistryUnavailable,     // no server of the image's registry answers, or they answer that they cannot
  kImageVolumeMountFailed,  // an image volume cannot be found or mounted
  kRecursiveReadOnlyUnsupported,  // a mount's submounts cannot be made read-only
};

// `step` is the call or operation that failed, `subject` what it was applied to (a path, an id, a host),
// `context` the reason when errno does not say it. `os_errno` is 0 when no system call is behind the error.
struct Error {
  Code code = Code::kInternal;
  int os_errno = 0;
  std::string step;
  std::string subject;
  std::string context;
  Reason reason = Reason::kNone;

  // "step subject: context: strerror", leaving out what is empty.
  std::string ToString() const;
};

template <typename T = void>
using Result = std::expected<T, Error>;

// The code that a caller can act on for an errno; everything unlisted is kInternal.
Code CodeFromErrno(int err);

// An error of a failed system call. Call it before anything else can change errno.
std::unexpected<Error> SystemError(std::string_view step, std::string_view subject, int err = errno);

std::unexpected<Error> Fail(Code code, std::string_view step, std::string_view subject,
                            std::string_view context = {});

// Puts what the caller was doing in front of the step: "pull image: read header".
Error Within(std::string_view operation, Error error);

// Gives the error a reason, unless it has one.
Error WithReason(Reason reason, Error error);

// The Debian 12 name of an errno's text, thread-safe.
std::string ErrnoText(int err);

namespace internal {
template <typename T>
T TakeValue(Result<T>& result) {
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}
}  // namespace internal

}  // namespace davit

// The value of a Result, or a return of its error from the enclosing function. Each use has a variable of its
// own name, so that one may stand inside another.
#define TRY(expr) DAVIT_TRY(expr, __COUNTER__)
#define DAVIT_TRY(expr, number) DAVIT_TRY_NUMBERED(expr, number)
#define DAVIT_TRY_NUMBERED(expr, number)                                        \
  __extension__({                                                               \
    auto try_##number = (expr);                                                 \
    if (!try_##number) return std::unexpected(std::move(try_##number).error()); \
    ::davit::internal::TakeValue(try_##number);                                 \
  })
