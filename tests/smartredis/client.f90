! What a Fortran code does with SmartRedis: tensors of several types and ranks, a data set, a model from a file.
! Usage: client MODEL.pt, whose model doubles
program client
    use iso_c_binding
    use smartredis_client
    use smartredis_dataset
    implicit none
    type(client_type) :: db
    type(dataset_type) :: sent, got
    character(len=256) :: model
    real(c_float) :: x(2, 3), y(2, 3)
    real(c_double) :: d(2, 2, 2, 2), e(2, 2, 2, 2)
    integer(c_int64_t) :: i(5), j(5)
    logical :: there
    integer :: n

    call get_command_argument(1, model)
    call ok(db%initialize('fortran'), 'initialize')

    x = reshape([1., 2., 3., 4., 5., 6.], [2, 3])
    call ok(db%put_tensor('f.x', x, shape(x)), 'put_tensor of floats')
    call ok(db%unpack_tensor('f.x', y, shape(y)), 'unpack_tensor')
    call hold(all(x == y), 'the floats come back')
    d = reshape([(real(n, c_double), n=1, 16)], shape(d))
    call ok(db%put_tensor('f.d', d, shape(d)), 'put_tensor of doubles')
    call ok(db%unpack_tensor('f.d', e, shape(e)), 'unpack_tensor')
    call hold(all(d == e), 'the doubles come back')
    i = [(2_c_int64_t**(10*n), n=1, 5)]
    call ok(db%put_tensor('f.i', i, shape(i)), 'put_tensor of integers')
    call ok(db%unpack_tensor('f.i', j, shape(j)), 'unpack_tensor')
    call hold(all(i == j), 'the integers come back')

    call ok(db%set_model_from_file('f.m', trim(model), 'TORCH', 'CPU'), 'set_model_from_file')
    call ok(db%run_model('f.m', ['f.x'], ['f.y']), 'run_model')
    call ok(db%unpack_tensor('f.y', y, shape(y)), 'unpack_tensor')
    call hold(all(y == 2*x), 'the model doubles')
    call hold(db%run_model('nothing', ['f.x'], ['f.y']) /= 0, 'a model that is not there is an error')

    call ok(db%set_script('f.s', 'CPU', 'def twice(x):'//new_line('a')//'    return x * 2'//new_line('a')), 'set_script')
    call ok(db%run_script('f.s', 'twice', ['f.y'], ['f.w']), 'run_script')
    call ok(db%unpack_tensor('f.w', y, shape(y)), 'unpack_tensor')
    call hold(all(y == 4*x), 'the script doubles')

    call ok(sent%initialize('f.set'), 'a data set')
    call ok(sent%add_tensor('t', x, shape(x)), 'add_tensor')
    call ok(sent%add_meta_scalar('s', 2.5_c_double), 'add_meta_scalar')
    call ok(db%put_dataset(sent), 'put_dataset')
    call ok(db%get_dataset('f.set', got), 'get_dataset')
    call ok(got%unpack_dataset_tensor('t', y, shape(y)), 'unpack_dataset_tensor')
    call hold(all(x == y), 'the tensor of the data set comes back')

    call ok(db%rename_tensor('f.x', 'f.z'), 'rename_tensor')
    call ok(db%tensor_exists('f.x', there), 'tensor_exists')
    call hold(.not. there, 'the old name is free')
    call ok(db%poll_tensor('f.z', 1, 3, there), 'poll_tensor')
    call hold(there, 'the new name is there')
    call ok(db%delete_tensor('f.z'), 'delete_tensor')
    print '(a)', 'ok'

contains
    subroutine ok(code, what)
        integer(c_int), intent(in) :: code
        character(len=*), intent(in) :: what
        call hold(code == 0, what)
    end subroutine ok

    subroutine hold(condition, what)
        logical, intent(in) :: condition
        character(len=*), intent(in) :: what
        if (.not. condition) then
            print '(2a)', 'not so: ', what
            stop 1
        end if
    end subroutine hold
end program client
