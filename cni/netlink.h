// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Requests to the kernel's netlink families and their answers (netlink(7)). Attributes are written and read
// with libmnl; this adds batches, ownership and errors that say which request failed and why.
#pragma once

#include <libmnl/libmnl.h>
#include <linux/netlink.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit {

// Requests that go to the kernel in one sendmsg(2), in order.
class NetlinkBatch {
 public:
  // What one message may grow to. libmnl does not check: keep messages small and strings bounded.
  static constexpr size_t kMaxMessageBytes = 8192;

  // Starts a message (NLM_F_REQUEST is added) and returns it with its zeroed family header of `header_bytes`
  // in place. The pointer is valid until the next Add. `step` must outlive the batch: it names the request in
  // errors.
  nlmsghdr* Add(const char* step, uint16_t type, uint16_t flags, size_t header_bytes);

  template <typename Header>
  Header* Add(const char* step, uint16_t type, uint16_t flags, nlmsghdr** message) {
    *message = Add(step, type, flags, sizeof(Header));
    return static_cast<Header*>(mnl_nlmsg_get_payload(*message));
  }

  bool empty() const { return steps_.empty(); }

 private:
  friend class NetlinkSocket;
  size_t Close();  // the batch's length in bytes

  std::vector<char> buffer_;
  size_t open_ = 0;  // where the message that is being written begins
  std::vector<const char*> steps_;
};

// Not thread-safe. A socket belongs to the network namespace that its opener was in, for ever, whoever uses
// it.
class NetlinkSocket {
 public:
  // `protocol` as NETLINK_ROUTE. Opens in the calling thread's network namespace.
  static Result<NetlinkSocket> Open(int protocol);

  // Sends the batch and reads all answers; the first failed request is the error, with the kernel's own
  // message as context where it gives one. Requests behind a failed one are carried out all the same, except
  // in nftables. `on_reply` sees every message that is not an acknowledgement.
  Result<> Execute(NetlinkBatch& batch, const std::function<void(const nlmsghdr*)>& on_reply = {});

  // Waits for the next event of a group that Subscribe named, at most until `deadline_ms`
  // (MonotonicMilliseconds): false when that passed. What has happened must be asked for: events that came
  // with answers are lost.
  Result<> Subscribe(int group);
  Result<bool> WaitForEvent(int64_t deadline_ms);

  // Execute for one dump request, repeated when the kernel's tables changed underneath (NLM_F_DUMP_INTR):
  // `on_restart` then forgets what on_reply has seen.
  Result<> Dump(NetlinkBatch& batch, const std::function<void(const nlmsghdr*)>& on_reply,
                const std::function<void()>& on_restart);

 private:
  explicit NetlinkSocket(UniqueFd fd) : fd_(std::move(fd)), buffer_(32768) {}

  struct Answers {
    size_t acknowledged = 0;
    bool inconsistent = false;  // a dump with NLM_F_DUMP_INTR
    Result<> outcome;
  };
  Result<Answers> Exchange(NetlinkBatch& batch, const std::function<void(const nlmsghdr*)>& on_reply);
  void Take(const nlmsghdr* message, const NetlinkBatch& batch, uint32_t first_seq, Answers* answers,
            const std::function<void(const nlmsghdr*)>& on_reply);

  UniqueFd fd_;
  uint32_t seq_ = 0;
  std::vector<char> buffer_;
};

// Attributes of a message, at most `max` numbered types; the rest is skipped. `offset` is the family header's
// size.
std::vector<const nlattr*> ParseAttributes(const nlmsghdr* message, size_t offset, uint16_t max);
std::vector<const nlattr*> ParseNested(const nlattr* nest, uint16_t max);

// The payload as bytes; empty for a null attribute.
std::string_view AttributeBytes(const nlattr* attribute);
// The payload as a string, without the NUL at its end.
std::string AttributeText(const nlattr* attribute);
// 0 for a null attribute or one of another size.
uint32_t AttributeU32(const nlattr* attribute);

// `result`, but success where the errno is `ignored_errno`: what is gone already need not be removed.
Result<> Unless(Result<> result, int ignored_errno);

}  // namespace davit
