! The loop of `inferstep client --language=fortran`: its calls through the Fortran module, timed here.
!
! The program opens this library when it is asked for Fortran; bench/loop_block.hpp has the same block for C++. There is
! one client per process.
module fortran_loop
   use, intrinsic :: iso_c_binding
   use inferclient
   implicit none
   private
   public :: loop_connect, loop_run, loop_disconnect, loop_message

   type(inference_client), allocatable, save :: client

   type, bind(C) :: block_of_iterations     ! LoopBlock of bench/loop_block.hpp
      type(c_ptr) :: model, script, function, keys     ! C strings
      integer(c_int) :: keep_keys
      integer(c_int) :: rank                           ! of an input: 1 … 4
      integer(c_int64_t) :: shape(4)                   ! of an input, as a tensor has it
      integer(c_int) :: inputs                         ! how many different inputs there are; they are taken in turn
      integer(c_int64_t) :: input_elements, output_elements
      type(c_ptr) :: input                             ! (input_elements, inputs)
      type(c_ptr) :: output, dag_output                ! (output_elements, count)
      integer(c_int) :: first, count                   ! which iterations
      integer(c_int) :: separate, pipelined, dag
      integer(c_int) :: timeout_ms
      type(c_ptr) :: put, preprocess, run, get, loop, one      ! seconds of each call (count)
      integer(c_int) :: done                           ! out: iterations that worked
   end type

   ! What an iteration works with.
   type :: iteration
      character(len=:), allocatable :: model, script, function, input, middle, output
      integer :: limit
   end type

contains

   ! Connect to the C string `endpoint`; the time it took in seconds.
   integer(c_int) function loop_connect(endpoint, timeout_ms, seconds) bind(C, name="inferstep_fortran_connect")
      type(c_ptr), value :: endpoint
      integer(c_int), value :: timeout_ms
      real(c_double), intent(out) :: seconds
      integer(c_int64_t) :: start
      start = ticks()
      if (.not. allocated(client)) allocate (client)
      loop_connect = int(client%connect(text_of(endpoint), int(timeout_ms)), c_int)
      seconds = since(start)
   end function

   subroutine loop_disconnect() bind(C, name="inferstep_fortran_disconnect")
      if (allocated(client)) deallocate (client)
   end subroutine

   ! Iterations first … first+count-1; ends at the first call that fails and returns its code.
   integer(c_int) function loop_run(block) bind(C, name="inferstep_fortran_run") result(code)
      type(block_of_iterations), intent(inout) :: block
      real(c_float), pointer, contiguous :: inputs(:, :), outputs(:, :), dag_outputs(:, :)
      real(c_double), pointer, contiguous :: loop(:), one(:)
      type(iteration) :: names
      integer(c_int64_t) :: start
      integer :: i, which
      call c_f_pointer(block%input, inputs, [block%input_elements, int(block%inputs, c_int64_t)])
      call c_f_pointer(block%output, outputs, [block%output_elements, int(block%count, c_int64_t)])
      call c_f_pointer(block%dag_output, dag_outputs, [block%output_elements, int(block%count, c_int64_t)])
      call c_f_pointer(block%loop, loop, [block%count])
      call c_f_pointer(block%one, one, [block%count])
      code = INFER_OK
      block%done = 0
      do i = 1, block%count
         which = mod(block%first + i - 1, block%inputs) + 1
         names = names_of(block, i)
         start = ticks()
         if (block%pipelined /= 0) then
            code = int(infer(block, names, inputs(:, which), outputs(:, i)), c_int)
            loop(i) = since(start)
         else if (block%separate /= 0) then
            code = int(call_after_call(block, i, names, inputs(:, which), outputs(:, i)), c_int)
            loop(i) = since(start)
         end if
         if (code == INFER_OK .and. block%dag /= 0) then
            start = ticks()
            code = int(one_command(block, names, inputs(:, which), dag_outputs(:, i)), c_int)
            one(i) = since(start)
         end if
         if (code /= INFER_OK) return
         block%done = int(i, c_int)
      end do
   end function

   integer function call_after_call(block, i, names, input, output) result(code)
      type(block_of_iterations), intent(in) :: block
      integer, intent(in) :: i
      type(iteration), intent(in) :: names
      real(c_float), intent(in), contiguous, target :: input(:)
      real(c_float), intent(inout), contiguous :: output(:)
      real(c_double), pointer, contiguous :: put(:), preprocess(:), run(:), get(:)
      integer(c_int64_t) :: before
      character(len=:), allocatable :: input_key, middle_key, output_key
      input_key = names%input
      middle_key = names%middle
      output_key = names%output
      call c_f_pointer(block%put, put, [block%count])
      call c_f_pointer(block%preprocess, preprocess, [block%count])
      call c_f_pointer(block%run, run, [block%count])
      call c_f_pointer(block%get, get, [block%count])
      before = ticks()
      code = put_input(block, input_key, input)
      put(i) = since(before)
      if (code /= INFER_OK) return
      if (len(names%script) > 0) then
         before = ticks()
         code = client%run_script(names%script, names%function, [input_key], [middle_key], names%limit)
         preprocess(i) = since(before)
         if (code /= INFER_OK) return
      end if
      before = ticks()
      code = client%run_model(names%model, [middle_key], [output_key], names%limit)
      run(i) = since(before)
      if (code /= INFER_OK) return
      before = ticks()
      code = client%get_tensor(output_key, output)
      get(i) = since(before)
   end function

   integer function one_command(block, names, input, output) result(code)
      type(block_of_iterations), intent(in) :: block
      type(iteration), intent(in) :: names
      real(c_float), intent(in), contiguous, target :: input(:)
      real(c_float), intent(inout), contiguous, target :: output(:)
      real(c_float), pointer, contiguous :: x2(:, :), x3(:, :, :), x4(:, :, :, :)
      type(inference_dag) :: dag
      character(len=:), allocatable :: input_key, middle_key, output_key
      input_key = names%input
      middle_key = names%middle
      output_key = names%output
      associate (s => block%shape)
         select case (block%rank)
         case (2)
            x2(1:s(2), 1:s(1)) => input
            call dag%put_tensor(input_key, x2)
         case (3)
            x3(1:s(3), 1:s(2), 1:s(1)) => input
            call dag%put_tensor(input_key, x3)
         case (4)
            x4(1:s(4), 1:s(3), 1:s(2), 1:s(1)) => input
            call dag%put_tensor(input_key, x4)
         case default
            call dag%put_tensor(input_key, input)
         end select
      end associate
      if (len(names%script) > 0) then
         call dag%run_script(names%script, names%function, [input_key], [middle_key])
      end if
      call dag%run_model(names%model, [middle_key], [output_key])
      call dag%get_tensor(output_key, output)
      code = client%run(dag, names%limit)
   end function

   type(iteration) function names_of(block, i) result(names)
      type(block_of_iterations), intent(in) :: block
      integer, intent(in) :: i
      character(len=:), allocatable :: keys
      character(len=12) :: number
      number = ""
      if (block%keep_keys /= 0) write (number, '(a, i0)') ".", block%first + i - 1
      keys = text_of(block%keys)
      names%model = text_of(block%model)
      names%script = text_of(block%script)
      names%function = text_of(block%function)
      names%input = keys//"in"//trim(number)
      names%middle = names%input
      if (len(names%script) > 0) names%middle = keys//"pre"//trim(number)
      names%output = keys//"out"//trim(number)
      names%limit = int(block%timeout_ms)
   end function

   ! What went wrong, as a C string into `buffer` of `size` bytes.
   subroutine loop_message(buffer, size) bind(C, name="inferstep_fortran_message")
      integer(c_int), value :: size
      character(kind=c_char), intent(out) :: buffer(size)
      character(len=:), allocatable :: text
      integer :: i, length
      text = "there is no client"
      if (allocated(client)) text = client%message()
      length = min(len(text), size - 1)
      do i = 1, length
         buffer(i) = text(i:i)
      end do
      buffer(length + 1) = c_null_char
   end subroutine

   ! The array as an array of the tensor's rank, its extents reversed (see inferclient).
   integer function put_input(block, key, values) result(code)
      type(block_of_iterations), intent(in) :: block
      character(len=*), intent(in) :: key
      real(c_float), intent(in), contiguous, target :: values(:)
      real(c_float), pointer, contiguous :: x2(:, :), x3(:, :, :), x4(:, :, :, :)
      associate (s => block%shape)
         select case (block%rank)
         case (2)
            x2(1:s(2), 1:s(1)) => values
            code = client%put_tensor(key, x2)
         case (3)
            x3(1:s(3), 1:s(2), 1:s(1)) => values
            code = client%put_tensor(key, x3)
         case (4)
            x4(1:s(4), 1:s(3), 1:s(2), 1:s(1)) => values
            code = client%put_tensor(key, x4)
         case default
            code = client%put_tensor(key, values)
         end select
      end associate
   end function

   integer function infer(block, names, values, output) result(code)
      type(block_of_iterations), intent(in) :: block
      type(iteration), intent(in) :: names
      real(c_float), intent(in), contiguous, target :: values(:)
      real(c_float), intent(inout), contiguous :: output(:)
      real(c_float), pointer, contiguous :: x2(:, :), x3(:, :, :), x4(:, :, :, :)
      associate (s => block%shape)
         select case (block%rank)
         case (2)
            x2(1:s(2), 1:s(1)) => values
            code = client%infer(names%model, names%input, x2, names%output, output, names%limit)
         case (3)
            x3(1:s(3), 1:s(2), 1:s(1)) => values
            code = client%infer(names%model, names%input, x3, names%output, output, names%limit)
         case (4)
            x4(1:s(4), 1:s(3), 1:s(2), 1:s(1)) => values
            code = client%infer(names%model, names%input, x4, names%output, output, names%limit)
         case default
            code = client%infer(names%model, names%input, values, names%output, output, names%limit)
         end select
      end associate
   end function

   function text_of(address) result(text)
      type(c_ptr), intent(in) :: address
      character(len=:), allocatable :: text
      interface
         pure integer(c_size_t) function c_strlen(string) bind(C, name="strlen")
            import :: c_ptr, c_size_t
            type(c_ptr), value, intent(in) :: string
         end function
      end interface
      block
         character(kind=c_char, len=c_strlen(address)), pointer :: bytes
         call c_f_pointer(address, bytes)
         text = bytes
      end block
   end function

   integer(c_int64_t) function ticks()
      call system_clock(ticks)
   end function

   real(c_double) function since(start)
      integer(c_int64_t), intent(in) :: start
      integer(c_int64_t) :: now, rate
      call system_clock(now, rate)
      since = real(now - start, c_double)/real(rate, c_double)
   end function

end module fortran_loop
