#include "core/native_error.h"

#include <cerrno>
#include <system_error>
#include <utility>

namespace smartadm {
namespace {

std::string Describe(const std::string& operation, const std::string& subject, int error_number) {
  // Unlike strerror, safe on any thread.
  const std::string text = std::generic_category().message(error_number);
  return operation + (subject.empty() ? "" : " " + subject) + ": " + text;
}

struct Name {
  int number;
  const char* name;
};

// Not every libc can tell them. Of two with one number the first counts.
#define NAME(constant) \
  Name { constant, #constant }
constexpr Name kNames[] = {
    NAME(EPERM),           NAME(ENOENT),       NAME(ESRCH),
    NAME(EINTR),           NAME(EIO),          NAME(ENXIO),
    NAME(E2BIG),           NAME(ENOEXEC),      NAME(EBADF),
    NAME(ECHILD),          NAME(EAGAIN),       NAME(ENOMEM),
    NAME(EACCES),          NAME(EFAULT),       NAME(ENOTBLK),
    NAME(EBUSY),           NAME(EEXIST),       NAME(EXDEV),
    NAME(ENODEV),          NAME(ENOTDIR),      NAME(EISDIR),
    NAME(EINVAL),          NAME(ENFILE),       NAME(EMFILE),
    NAME(ENOTTY),          NAME(ETXTBSY),      NAME(EFBIG),
    NAME(ENOSPC),          NAME(ESPIPE),       NAME(EROFS),
    NAME(EMLINK),          NAME(EPIPE),        NAME(EDOM),
    NAME(ERANGE),          NAME(EDEADLK),      NAME(ENAMETOOLONG),
    NAME(ENOLCK),          NAME(ENOSYS),       NAME(ENOTEMPTY),
    NAME(ELOOP),           NAME(ENOMSG),       NAME(EIDRM),
    NAME(ECHRNG),          NAME(EL2NSYNC),     NAME(EL3HLT),
    NAME(EL3RST),          NAME(ELNRNG),       NAME(EUNATCH),
    NAME(ENOCSI),          NAME(EL2HLT),       NAME(EBADE),
    NAME(EBADR),           NAME(EXFULL),       NAME(ENOANO),
    NAME(EBADRQC),         NAME(EBADSLT),      NAME(EBFONT),
    NAME(ENOSTR),          NAME(ENODATA),      NAME(ETIME),
    NAME(ENOSR),           NAME(ENONET),       NAME(ENOPKG),
    NAME(EREMOTE),         NAME(ENOLINK),      NAME(EADV),
    NAME(ESRMNT),          NAME(ECOMM),        NAME(EPROTO),
    NAME(EMULTIHOP),       NAME(EBADMSG),      NAME(EOVERFLOW),
    NAME(ENOTUNIQ),        NAME(EBADFD),       NAME(EREMCHG),
    NAME(ELIBACC),         NAME(ELIBBAD),      NAME(ELIBSCN),
    NAME(ELIBMAX),         NAME(ELIBEXEC),     NAME(EILSEQ),
    NAME(ERESTART),        NAME(ESTRPIPE),     NAME(EUSERS),
    NAME(ENOTSOCK),        NAME(EDESTADDRREQ), NAME(EMSGSIZE),
    NAME(EPROTOTYPE),      NAME(ENOPROTOOPT),  NAME(EPROTONOSUPPORT),
    NAME(ESOCKTNOSUPPORT), NAME(EOPNOTSUPP),   NAME(EPFNOSUPPORT),
    NAME(EAFNOSUPPORT),    NAME(EADDRINUSE),   NAME(EADDRNOTAVAIL),
    NAME(ENETDOWN),        NAME(ENETUNREACH),  NAME(ENETRESET),
    NAME(ECONNABORTED),    NAME(ECONNRESET),   NAME(ENOBUFS),
    NAME(EISCONN),         NAME(ENOTCONN),     NAME(ESHUTDOWN),
    NAME(ETOOMANYREFS),    NAME(ETIMEDOUT),    NAME(ECONNREFUSED),
    NAME(EHOSTDOWN),       NAME(EHOSTUNREACH), NAME(EALREADY),
    NAME(EINPROGRESS),     NAME(ESTALE),       NAME(EDQUOT),
    NAME(ECANCELED),       NAME(EOWNERDEAD),   NAME(ENOTRECOVERABLE),
    NAME(ENOTSUP),
#ifdef __linux__
    NAME(EDOTDOT),         NAME(EUCLEAN),      NAME(ENOTNAM),
    NAME(ENAVAIL),         NAME(EISNAM),       NAME(EREMOTEIO),
    NAME(ENOMEDIUM),       NAME(EMEDIUMTYPE),  NAME(ENOKEY),
    NAME(EKEYEXPIRED),     NAME(EKEYREVOKED),  NAME(EKEYREJECTED),
    NAME(ERFKILL),         NAME(EHWPOISON),
#endif
};
#undef NAME

}  // namespace

NativeError::NativeError(std::string library, std::string operation, int error_number, const std::string& subject)
    : library_(std::move(library)),
      operation_(std::move(operation)),
      code_(ErrnoName(error_number)),
      error_number_(error_number),
      message_(Describe(operation_, subject, error_number)) {}

NativeError::NativeError(std::string library, std::string operation, std::string code, int error_number,
                         std::string message)
    : library_(std::move(library)),
      operation_(std::move(operation)),
      code_(std::move(code)),
      error_number_(error_number),
      message_(std::move(message)) {}

std::string ErrnoName(int error_number) {
  for (const Name& each : kNames) {
    if (each.number == error_number) return each.name;
  }
  return "E" + std::to_string(error_number);
}

}  // namespace smartadm
