// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

// Requests to the kernel's netlink families and their answers (netlink(7)). Attributes are written and read
// with libmnl; this adds batches, ownership and errors that say which request failed and why.
#pragma once

#include <libmnl/libmnl.h>
#include <linux/filter.h>
#include <linux/netlink.h>

#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/unique_fd.h"

namespace davit::cni {

// Requests that are sent to the kernel in one send(2), in order.
class NetlinkBatch {
 public:
  // The maximum size of one message. libmnl does not check it: keep messages small and strings bounded.
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
  size_t Close();  // returns the length of the batch in bytes

  std::vector<char> buffer_;
  size_t open_ = 0;  // offset of the message that is being written
  std::vector<const char*> steps_;
};

// Not thread-safe. A socket always belongs to the network namespace in which it was opened, also when threads
// in other namespaces use it.
class NetlinkSocket {
 public:
  // `protocol` is a netlink family, such as NETLINK_ROUTE. Opens in the calling thread's network namespace.
  static Result<NetlinkSocket> Open(int protocol);

  // Sends the batch and reads all answers. Returns the error of the first failed request, with the kernel's
  // own message, if any, as context. The requests after a failed one are still executed, except in nftables.
  // Calls `on_reply` for every message that is not an acknowledgement.
  Result<> Execute(NetlinkBatch& batch, const std::function<void(const nlmsghdr*)>& on_reply = {});

  // The socket's number in its namespace; announcements of changes that it has made carry it.
  uint32_t port_id() const;
  // For poll(2): readable when an event has arrived.
  int fd() const { return fd_.get(); }

  // Passes the events that have arrived, of groups that Subscribe named, to `on_event`; does not wait. False
  // if some were lost because the queue was full. Only for sockets without Execute, which discards events.
  Result<bool> ReadEvents(const std::function<void(const nlmsghdr*)>& on_event);
  // Events that the program (bpf(2), classic) rejects do not wake the reader.
  Result<> SetFilter(std::span<const sock_filter> program);
  // Room for events, in bytes; needs CAP_NET_ADMIN.
  void SetReceiveBuffer(int bytes);

  // WaitForEvent waits for the next event of a group that Subscribe named, and returns false after
  // `deadline_ms` (MonotonicMilliseconds). Events are discarded, those that arrive during Execute too: the
  // caller must query the state again. The result true may be spurious.
  Result<> Subscribe(int group);
  Result<bool> WaitForEvent(int64_t deadline_ms);

  // Execute for one dump request, which is repeated if the kernel's tables change meanwhile
  // (NLM_F_DUMP_INTR): `on_restart` must discard the replies so far. kUnavailable after several attempts.
  Result<> Dump(NetlinkBatch& batch, const std::function<void(const nlmsghdr*)>& on_reply,
                const std::function<void()>& on_restart);

 private:
  explicit NetlinkSocket(UniqueFd fd) : fd_(std::move(fd)), buffer_(32768) {}

  struct Answers {
    size_t acknowledged = 0;
    bool inconsistent = false;  // a dump with NLM_F_DUMP_INTR
    Result<> outcome;
  };
  void MakeRoomToSend(size_t bytes);
  Result<Answers> Exchange(NetlinkBatch& batch, const std::function<void(const nlmsghdr*)>& on_reply);
  void Take(const nlmsghdr* message, const NetlinkBatch& batch, uint32_t first_seq, Answers* answers,
            const std::function<void(const nlmsghdr*)>& on_reply);

  UniqueFd fd_;
  uint32_t seq_ = 0;
  std::vector<char> buffer_;
};

// The attributes of a message, indexed by type, 0 to `max`; null if absent. Higher types are skipped.
// `offset` is the size of the family header. The pointers point into the message.
std::vector<const nlattr*> ParseAttributes(const nlmsghdr* message, size_t offset, uint16_t max);
std::vector<const nlattr*> ParseNested(const nlattr* nest, uint16_t max);

// The payload as bytes; empty for a null attribute.
std::string_view AttributeBytes(const nlattr* attribute);
// The payload as a string, up to the first NUL.
std::string AttributeText(const nlattr* attribute);
// The payload as a number; 0 for a null attribute or one of another size.
uint32_t AttributeU32(const nlattr* attribute);

// Returns `result`, but success if its errno is `ignored_errno`: for example, what is missing need not be
// removed.
Result<> Unless(Result<> result, int ignored_errno);

}  // namespace davit::cni
