// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// The only error type. A function that can fail returns Result<T>. Error text is for people and is never
// parsed.
#pragma once

#include <cerrno>
#include <cstdint>
#include <expected>
#include <string>
#include <string_view>
#include <utility>

namespace davit {

// Classifies an error by what a caller can do about it. cri/ maps each value to one gRPC status.
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

// A cause that CRI clients handle specially and that the code does not express. The gRPC service puts the
// CRI's word for it in front of the error's text (cri/service/status_code.h); all other layers pass it on
// unchanged.
enum class Reason : uint8_t {
  kNone,
  kRegistryUnavailable,           // no server of the image's registry is available
  kImageVolumeMountFailed,        // an image volume cannot be found or mounted
  kRecursiveReadOnlyUnsupported,  // a mount's submounts cannot be made read-only
  kSignatureValidationFailed,     // an image verifier has refused the image, or could not be asked
};

// `step` is the call or operation that failed, `subject` the object of the call (a path, an id, a host),
// `context` the reason if errno does not say it. `os_errno` is 0 if no system call failed.
struct Error {
  Code code = Code::kInternal;
  int os_errno = 0;
  std::string step;
  std::string subject;
  std::string context;
  Reason reason = Reason::kNone;

  // "step subject: context: strerror"; empty parts are omitted.
  std::string ToString() const;
};

// A value or an error. The compiler rejects a caller that ignores one; a cast to void says that this is
// intended.
template <typename T = void>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
  Result() = default;
  Result(const Result&) = default;
  Result(Result&&) = default;
  // Without the next two, the templates of the base that take a value would be preferred for a Result<bool>&.
  Result(Result&) = default;
  Result& operator=(Result&) = default;
  Result& operator=(const Result&) = default;
  Result& operator=(Result&&) = default;
  using std::expected<T, Error>::operator=;
};

// Maps an errno to a code; errnos that error.cc does not list become kInternal.
Code CodeFromErrno(int err);

// The error of a failed system call. Call it before anything else can change errno.
std::unexpected<Error> SystemError(std::string_view step, std::string_view subject, int err = errno);

std::unexpected<Error> Fail(Code code, std::string_view step, std::string_view subject,
                            std::string_view context = {});

// Prefixes the step with the operation of the caller: "pull image: read header".
Error Within(std::string_view operation, Error error);

// Sets the reason, unless the error has one already.
Error WithReason(Reason reason, Error error);

// The text of an errno, as strerror_r(3) gives it. Thread-safe.
std::string ErrnoText(int err);

namespace internal {
template <typename T, typename E>
T TakeValue(std::expected<T, E>& result) {
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}
}  // namespace internal

}  // namespace davit

// Evaluates to the value of a Result, or of another std::expected; on an error, returns that error from the
// enclosing function. Each use has its own variable name, so that TRY can be nested.
#define TRY(expr) DAVIT_TRY(expr, __COUNTER__)
#define DAVIT_TRY(expr, number) DAVIT_TRY_NUMBERED(expr, number)
#define DAVIT_TRY_NUMBERED(expr, number)                                        \
  __extension__({                                                               \
    auto try_##number = (expr);                                                 \
    if (!try_##number) return std::unexpected(std::move(try_##number).error()); \
    ::davit::internal::TakeValue(try_##number);                                 \
  })
