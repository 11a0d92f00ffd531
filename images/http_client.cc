// SPDX-License-Identifier: Apache-2.0
// Copyright The Davit Authors

#include "images/http_client.h"

#include <curl/curl.h>
#include <openssl/x509_vfy.h>

#include <algorithm>
#include <charconv>
#include <limits>
#include <mutex>
#include <optional>

#include "base/file_io.h"
#include "base/time.h"
#include "images/advice.h"
#include "images/speed_watch.h"

namespace davit::images {
namespace {

constexpr size_t kMaxHeaderBytes = 256 << 10;
constexpr size_t kMaxErrorBody = 64 << 10;  // of an answer other than 200; the rest is not received

struct FreeList {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using HeaderList = std::unique_ptr<curl_slist, FreeList>;

// curl_easy_setopt is a variadic macro with checks of its own; one name keeps call sites short.
template <typename T>
void Set(CURL* easy, CURLoption option, T value) {
  curl_easy_setopt(easy, option, value);
}

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return std::tolower(c); });
  return lower;
}

std::string_view Trim(std::string_view text) {
  size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

// The first position in "bytes 5-9/10" (RFC 9110 section 14.4).
std::optional<int64_t> FirstByte(std::string_view content_range) {
  constexpr std::string_view kUnit = "bytes ";
  if (!content_range.starts_with(kUnit)) return std::nullopt;
  content_range.remove_prefix(kUnit.size());
  int64_t first = 0;
  auto [end, error] =
      std::from_chars(content_range.data(), content_range.data() + content_range.size(), first);
  bool valid =
      error == std::errc() && first >= 0 && end != content_range.data() + content_range.size() && *end == '-';
  return valid ? std::optional(first) : std::nullopt;
}

int64_t SpeedFor(const OutgoingRequest& request, const HttpClient::Limits& limits) {
  return request.has_alternative ? std::max(limits.low_speed_bytes, limits.fair_speed_bytes)
                                 : limits.low_speed_bytes;
}

// What goes on during one exchange; libcurl's callbacks end here.
class Transfer {
 public:
  Transfer(const OutgoingRequest& request, const HttpClient::Limits& limits, BodySink* sink)
      : request_(request),
        sink_(sink),
        watch_({SpeedFor(request, limits), limits.low_speed_seconds}, MonotonicMilliseconds()) {}

  static size_t OnHeader(char* data, size_t, size_t size, void* self) {
    return static_cast<Transfer*>(self)->TakeHeader({data, size}) ? size : 0;
  }
  static size_t OnBody(char* data, size_t, size_t size, void* self) {
    return static_cast<Transfer*>(self)->TakeBody({data, size}) ? size : 0;
  }

  static int OnProgress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t uploaded) {
    static_cast<Transfer*>(self)->Sent(uploaded);
    return 0;
  }

  // Asked while the transfer waits.
  Result<> Check(const Interrupt& interrupt) {
    TRY(interrupt.Check());
    int64_t now = MonotonicMilliseconds();
    if (IsPeersTurn()) {
      if (now - last_sent_ms_ < request_.answer_timeout_seconds * 1000LL) return {};
      return TimedOut("does not answer");
    }
    if (watch_.TooSlow(now)) return TimedOut("stalled or too slow");
    return {};
  }

  std::unexpected<davit::Error> Error(Code code, std::string_view why) const {
    return Fail(code, "talk to", request_.url.HostPort(), why);
  }
  std::unexpected<davit::Error> TimedOut(std::string_view why) const {
    auto error = Error(Code::kUnavailable, why);
    error.error().os_errno = ETIMEDOUT;
    return error;
  }

  HttpResponse TakeResponse(CURL* easy) {
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    response_.status = static_cast<int>(status);
    curl_off_t seconds = 0;
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &seconds);
    response_.retry_after_ms = std::clamp<curl_off_t>(seconds, 0, std::numeric_limits<int>::max()) * 1000;
    return std::move(response_);
  }
  const std::optional<davit::Error>& failure() const { return failure_; }
  // True if the transfer was ended because the response has all that is wanted of its body.
  bool cut_short() const { return cut_short_; }
  // False if the connection was closed in the answer's head, which libcurl takes for its end.
  bool head_complete() const { return head_complete_; }

 private:
  void Sent(int64_t bytes) {
    if (bytes <= sent_) return;
    last_sent_ms_ = MonotonicMilliseconds();
    watch_.Transferred(bytes - sent_, last_sent_ms_);
    sent_ = bytes;
    if (request_.on_sent) request_.on_sent(bytes);
    watch_.ConsumerDone(MonotonicMilliseconds());
  }

  // The request was sent, and the peer has a time of its own to answer it.
  bool IsPeersTurn() const {
    return request_.answer_timeout_seconds > 0 && header_bytes_ == 0 &&
           sent_ >= static_cast<int64_t>(request_.body.size());
  }

  bool TakeHeader(std::string_view line) {
    if (IsPeersTurn()) watch_.ConsumerDone(MonotonicMilliseconds());
    header_bytes_ += line.size();
    if (header_bytes_ > kMaxHeaderBytes) return Reject(Error(Code::kResourceExhausted, "too many headers"));
    if (line.starts_with("HTTP/")) {  // a new answer begins: 100 Continue may have come before
      response_.headers.clear();
      head_complete_ = false;
      size_t space = line.find(' ');
      std::string_view status = space == line.npos ? line : line.substr(space + 1, 3);
      is_part_ = status == "206" && request_.first_byte > 0;
      is_ok_ = status == "200" || is_part_;
      return true;
    }
    if (Trim(line).empty()) head_complete_ = true;
    size_t colon = line.find(':');
    if (colon == std::string_view::npos) return true;
    response_.headers.emplace_back(Lower(Trim(line.substr(0, colon))), Trim(line.substr(colon + 1)));
    return true;
  }

  bool TakeBody(std::string_view piece) {
    watch_.Transferred(static_cast<int64_t>(piece.size()), MonotonicMilliseconds());
    bool taken = is_ok_ && sink_ ? WriteToSink(piece) : Keep(piece);
    watch_.ConsumerDone(MonotonicMilliseconds());
    return taken;
  }

  bool WriteToSink(std::string_view piece) {
    auto written = sink_begun_ ? Result<>() : BeginSink();
    if (written) written = sink_->Write(piece);
    return written ? true : Reject(std::unexpected(std::move(written).error()));
  }

  Result<> BeginSink() {
    sink_begun_ = true;
    if (!is_part_) return sink_->Begin(0);
    auto first = FirstByte(response_.Header("content-range"));
    if (!first) return Error(Code::kInternal, "a part without a usable Content-Range");
    return sink_->Begin(*first);
  }

  bool Keep(std::string_view piece) {
    size_t limit = is_ok_ ? request_.body_limit : kMaxErrorBody;
    size_t room = limit - std::min(limit, response_.body.size());
    if (is_ok_ && piece.size() > room)
      return Reject(Error(Code::kResourceExhausted, "the answer is too large"));
    response_.body += piece.substr(0, room);
    cut_short_ = piece.size() > room;
    return !cut_short_;
  }

  bool Reject(std::unexpected<davit::Error> error) {
    failure_ = std::move(error).error();
    return false;
  }

  const OutgoingRequest& request_;
  BodySink* sink_;
  SpeedWatch watch_;
  HttpResponse response_;
  std::optional<davit::Error> failure_;  // why a callback ended the transfer
  int64_t sent_ = 0;                     // bytes of the request's body
  int64_t last_sent_ms_ = MonotonicMilliseconds();
  size_t header_bytes_ = 0;
  bool head_complete_ = false;
  bool is_ok_ = false;    // the body is what was requested
  bool is_part_ = false;  // the rest of it: 206
  bool sink_begun_ = false;
  bool cut_short_ = false;
};

Code CodeOf(CURLcode result) {
  switch (result) {
    case CURLE_PARTIAL_FILE:
    case CURLE_GOT_NOTHING:
    case CURLE_HTTP2_STREAM:
      return Code::kDataLoss;
    case CURLE_OUT_OF_MEMORY:
      return Code::kResourceExhausted;
    case CURLE_BAD_CONTENT_ENCODING:
      return Code::kInternal;
    default:
      return Code::kUnavailable;  // no name, no connection, no TLS, a connection reset
  }
}

// OpenSSL's word for a peer whose first bytes are no TLS record; libcurl has no code for it.
bool SpeaksNoTls(std::string_view error_text) {
  return error_text.find("wrong version number") != error_text.npos;
}

bool IsDistrust(CURLcode result) {
  return result == CURLE_PEER_FAILED_VERIFICATION || result == CURLE_SSL_CERTPROBLEM ||
         result == CURLE_SSL_CACERT_BADFILE || result == CURLE_SSL_ISSUER_ERROR;
}

// As far as OpenSSL has judged: libcurl compares names itself.
Distrust DistrustOf(CURL* easy) {
  long verdict = X509_V_OK;
  curl_easy_getinfo(easy, CURLINFO_SSL_VERIFYRESULT, &verdict);
  switch (verdict) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return Distrust::kUnknownCa;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_CERT_NOT_YET_VALID:
      return Distrust::kNotValidNow;
    default:
      return Distrust::kOther;
  }
}

Unreachable HowUnreachable(CURLcode result, CURL* easy) {
  curl_off_t connected_us = 0;
  curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected_us);
  switch (result) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return Unreachable::kNoAddress;
    case CURLE_COULDNT_RESOLVE_PROXY:
      return Unreachable::kNoProxy;
    case CURLE_COULDNT_CONNECT:
      return Unreachable::kNoConnection;
    case CURLE_OPERATION_TIMEDOUT:
      return connected_us == 0 ? Unreachable::kNoConnection : Unreachable::kOther;
    default:
      return Unreachable::kOther;
  }
}

void SetTls(CURL* easy, const ClientTls& tls) {
  Set(easy, CURLOPT_SSL_VERIFYPEER, tls.skip_verify ? 0L : 1L);
  Set(easy, CURLOPT_SSL_VERIFYHOST, tls.skip_verify ? 0L : 2L);
  if (!tls.ca_pem.empty()) {
    // This replaces the system's bundle, but not its directory of CAs (/etc/ssl/certs), which libcurl goes on
    // looking into.
    curl_blob blob{const_cast<char*>(tls.ca_pem.data()), tls.ca_pem.size(), CURL_BLOB_COPY};
    Set(easy, CURLOPT_CAINFO_BLOB, &blob);
  }
  if (!tls.certificate.empty()) {
    Set(easy, CURLOPT_SSLCERT, tls.certificate.c_str());
    Set(easy, CURLOPT_SSLKEY, tls.key.c_str());
  }
}

// libcurl sends a line break as it is: the rest of the value would be headers, or a request, of its author's.
Result<> CheckHeaders(const OutgoingRequest& request) {
  for (const auto& [name, value] : request.headers)
    if (std::ranges::any_of(value, [](unsigned char c) { return c < 0x20 && c != '\t'; }))
      return Fail(Code::kInvalidArgument, "send header", name, "it has control characters");
  return {};
}

HeaderList MakeHeaders(const OutgoingRequest& request, bool raw_body) {
  HeaderList list;
  auto append = [&list](const std::string& line) {
    if (curl_slist* longer = curl_slist_append(list.get(), line.c_str())) {
      (void)list.release();
      list.reset(longer);
    }
  };
  for (const auto& [name, value] : request.headers) append(value.empty() ? name + ";" : name + ": " + value);
  append("Expect:");  // no 100-continue round trip for a small form
  if (raw_body) append("Accept-Encoding: identity");
  if (request.first_byte > 0) append("Range: bytes=" + std::to_string(request.first_byte) + "-");
  return list;
}

}  // namespace

// An easy handle and the multi handle that drives it and keeps its connections.
struct HttpClient::Slot {
  CURLM* multi = curl_multi_init();
  CURL* easy = curl_easy_init();
  char error_text[CURL_ERROR_SIZE] = "";

  Slot() = default;
  Slot(const Slot&) = delete;
  Slot& operator=(const Slot&) = delete;
  ~Slot() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }

  void Prepare(const OutgoingRequest& request, const Limits& limits, Transfer& transfer, curl_slist* headers);
  void SetMethod(const OutgoingRequest& request, Transfer& transfer);
  void SetProxy(const std::string& proxy);
  void SetContentCoding(bool decode);
  Result<CURLcode> Run(Transfer& transfer, const Interrupt& interrupt);
};

void HttpClient::Slot::Prepare(const OutgoingRequest& request, const Limits& limits, Transfer& transfer,
                               curl_slist* headers) {
  curl_easy_reset(easy);
  error_text[0] = '\0';
  Set(easy, CURLOPT_URL, request.url.text.c_str());
  Set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
  Set(easy, CURLOPT_NOSIGNAL, 1L);
  Set(easy, CURLOPT_FOLLOWLOCATION, 0L);
  Set(easy, CURLOPT_NETRC, static_cast<long>(CURL_NETRC_IGNORED));
  Set(easy, CURLOPT_ERRORBUFFER, error_text);
  Set(easy, CURLOPT_USERAGENT, "davit/0.1");
  Set(easy, CURLOPT_HTTPHEADER, headers);
  Set(easy, CURLOPT_CONNECTTIMEOUT_MS,
      static_cast<long>(request.connect_timeout_ms > 0 ? request.connect_timeout_ms
                                                       : limits.connect_timeout_seconds * 1000LL));
  Set(easy, CURLOPT_BUFFERSIZE, 256L << 10);
  Set(easy, CURLOPT_HEADERFUNCTION, &Transfer::OnHeader);
  Set(easy, CURLOPT_HEADERDATA, &transfer);
  Set(easy, CURLOPT_WRITEFUNCTION, &Transfer::OnBody);
  Set(easy, CURLOPT_WRITEDATA, &transfer);
  if (request.tls) SetTls(easy, *request.tls);
  SetMethod(request, transfer);
}

void HttpClient::Slot::SetMethod(const OutgoingRequest& request, Transfer& transfer) {
  std::string_view body = request.form.empty() ? request.body : request.form;
  bool get = request.method == Method::kGet && request.form.empty();
  if (request.method == Method::kHead) Set(easy, CURLOPT_NOBODY, 1L);
  if (get || request.method == Method::kHead) return;
  Set(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
  Set(easy, CURLOPT_POSTFIELDS, body.empty() ? "" : body.data());
  if (request.method == Method::kPut) Set(easy, CURLOPT_CUSTOMREQUEST, "PUT");
  if (request.method == Method::kPatch) Set(easy, CURLOPT_CUSTOMREQUEST, "PATCH");
  Set(easy, CURLOPT_NOPROGRESS, 0L);
  Set(easy, CURLOPT_XFERINFOFUNCTION, &Transfer::OnProgress);
  Set(easy, CURLOPT_XFERINFODATA, &transfer);
}

// Both options are always set: otherwise libcurl reads the environment by its own rules.
void HttpClient::Slot::SetProxy(const std::string& proxy) {
  Set(easy, CURLOPT_PROXY, proxy.c_str());
  Set(easy, CURLOPT_NOPROXY, "");
  Set(easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
}

// With CURLOPT_ACCEPT_ENCODING, libcurl undoes every coding that it knows, even one that was not asked for.
// Stores label layers, which are compressed by themselves, with a coding that nobody has applied.
void HttpClient::Slot::SetContentCoding(bool decode) {
  if (decode) Set(easy, CURLOPT_ACCEPT_ENCODING, "identity");
}

// libcurl's own easy interface would look up only once a second.
Result<CURLcode> HttpClient::Slot::Run(Transfer& transfer, const Interrupt& interrupt) {
  while (true) {
    int running = 0;
    if (curl_multi_perform(multi, &running) != CURLM_OK)
      return transfer.Error(Code::kInternal, "libcurl failed");
    int queued = 0;
    while (CURLMsg* message = curl_multi_info_read(multi, &queued)) {
      if (message->msg == CURLMSG_DONE) return message->data.result;
    }
    TRY(transfer.Check(interrupt));
    if (curl_multi_poll(multi, nullptr, 0, Interrupt::kAskEveryMs, nullptr) != CURLM_OK) {
      return transfer.Error(Code::kInternal, "libcurl failed");
    }
  }
}

std::string HttpResponse::Header(std::string_view name) const {
  for (const auto& [header, value] : headers) {
    if (header == name) return value;
  }
  return {};
}

std::vector<std::string> HttpResponse::Headers(std::string_view name) const {
  std::vector<std::string> values;
  for (const auto& [header, value] : headers) {
    if (header == name) values.push_back(value);
  }
  return values;
}

Result<ClientTls> LoadTls(const TlsSettings& settings) {
  auto unreadable = [](const Error& error) {
    return Fail(Code::kFailedPrecondition, "read certificate", error.subject, ErrnoText(error.os_errno));
  };
  ClientTls context;
  context.skip_verify = settings.skip_verify;
  for (const std::string& file : settings.ca_files) {
    auto pem = ReadFile(file);
    if (!pem) return unreadable(pem.error());
    context.ca_pem += *pem + "\n";
  }
  if (!settings.client_pairs.empty()) {
    context.certificate = settings.client_pairs[0].first;
    context.key =
        settings.client_pairs[0].second.empty() ? context.certificate : settings.client_pairs[0].second;
    for (const std::string& file : {context.certificate, context.key}) {
      if (auto pem = ReadFile(file); !pem) return unreadable(pem.error());
    }
  }
  return context;
}

HttpClient::HttpClient(Limits limits, ProxySettings proxies) : limits_(limits), proxies_(std::move(proxies)) {
  static std::once_flag once;  // the library's own global state
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

HttpClient::~HttpClient() = default;

std::unique_ptr<HttpClient::Slot> HttpClient::TakeSlot() {
  {
    MutexLock lock(mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<Slot> slot = std::move(idle_.back());
      idle_.pop_back();
      return slot;
    }
  }
  return std::make_unique<Slot>();
}

Result<HttpResponse> HttpClient::Send(const OutgoingRequest& request, const Interrupt& interrupt,
                                      BodySink* sink) {
  TRY(interrupt.Check());
  TRY(CheckHeaders(request));
  std::unique_ptr<Slot> slot = TakeSlot();
  if (!slot->easy || !slot->multi) return SystemError("curl_easy_init", request.url.host, ENOMEM);
  Transfer transfer(request, limits_, sink);
  HeaderList headers = MakeHeaders(request, /*raw_body=*/sink != nullptr);
  slot->Prepare(request, limits_, transfer, headers.get());
  slot->SetProxy(request.proxy ? *request.proxy : proxies_.For(request.url));
  slot->SetContentCoding(/*decode=*/sink == nullptr);
  curl_multi_add_handle(slot->multi, slot->easy);
  Result<CURLcode> result = slot->Run(transfer, interrupt);
  curl_multi_remove_handle(slot->multi, slot->easy);  // an unfinished transfer closes its connection
  if (!result) return std::unexpected(std::move(result).error());
  if (transfer.failure()) return std::unexpected(*transfer.failure());
  if (*result == CURLE_SSL_CONNECT_ERROR && SpeaksNoTls(slot->error_text)) {
    HttpResponse response;
    response.not_tls = true;
    return response;
  }
  if (*result != CURLE_OK && !transfer.cut_short()) {
    std::string why = slot->error_text[0] != '\0' ? slot->error_text : curl_easy_strerror(*result);
    why += ConnectionAdvice(HowUnreachable(*result, slot->easy));
    if (*result == CURLE_OPERATION_TIMEDOUT) return transfer.TimedOut(why);
    if (!IsDistrust(*result)) return transfer.Error(CodeOf(*result), why);
    HttpResponse response;
    response.untrusted = std::move(why);
    response.distrust = DistrustOf(slot->easy);
    return response;
  }
  if (!transfer.head_complete()) return transfer.Error(Code::kDataLoss, "closed in the head of its answer");
  HttpResponse response = transfer.TakeResponse(slot->easy);
  response.url = request.url;
  MutexLock lock(mutex_);
  idle_.push_back(std::move(slot));
  return response;
}

}  // namespace davit::images
